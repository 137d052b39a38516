-- One POST of a small JSON object; wrk repeats it. The key comes from the environment.
wrk.method = "POST"
wrk.body = '{"name":"Ada","numbers":[1,2,3,4,5],"nested":{"flag":true}}'
wrk.headers["Content-Type"] = "application/json"
local authorization = os.getenv("BENCH_AUTHORIZATION")
if authorization then wrk.headers["Authorization"] = authorization end
local key = os.getenv("BENCH_KEY")
if key then wrk.headers["X-Api-Key"] = key end
