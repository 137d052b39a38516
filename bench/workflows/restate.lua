-- Runs a handler of one step; wrk repeats it.
wrk.method = "POST"
wrk.body = "1"
wrk.headers["Content-Type"] = "application/json"
