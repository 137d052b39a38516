-- Starts an execution; wrk repeats it.
wrk.method = "POST"
wrk.body = string.format('{"stateMachineArn":%q,"input":%q}', os.getenv("BENCH_MACHINE"), os.getenv("BENCH_INPUT"))
wrk.headers["Content-Type"] = "application/x-amz-json-1.0"
wrk.headers["X-Amz-Target"] = "AWSStepFunctions.StartExecution"
wrk.headers["Authorization"] = os.getenv("BENCH_AUTHORIZATION")
