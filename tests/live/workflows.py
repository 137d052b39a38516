"""Workflows over kill -9: executions that run, wait and are waited for end as if nothing had happened, and many that wait
cost a restart nothing. Standard library only: the Step Functions API also takes the namespace's key."""

import http.client
import itertools
import json
import random
import tempfile
import time

from harness import HEADERS, Server, close

ROLE = "arn:aws:iam::123456789012:role/x"
ROUNDS = 4
RUNNING = 40
WAITING = 10_000
ECHO = "exports.main = async args => { await new Promise(done => setTimeout(done, 20)); return args }"


def call(server, operation, **given):
    """An operation; its refusal is its exception's name."""
    headers = {**HEADERS, "X-Amz-Target": "AWSStepFunctions." + operation}
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    try:
        connection.request("POST", "/", json.dumps(given), headers)
        response = connection.getresponse()
        reply = json.loads(response.read())
    finally:
        connection.close()
    return reply if response.status == 200 else {"refused": reply["__type"]}


# Names of states are unique in a whole machine.
NUMBERS = itertools.count()


def flow(*states):
    """States one after the other."""
    names = [f"S{next(NUMBERS)}" for _ in states]
    for state, following in zip(states, names[1:]):
        state["Next"] = following
    states[-1]["End"] = True
    return {"StartAt": names[0], "States": dict(zip(names, states))}


def task(**more):
    return {"Type": "Task", "Resource": "wisp:action:step", **more}


def everything():
    """Tasks in a row, at once and over items, with pauses."""
    at_once = {"Type": "Parallel", "Branches": [flow(task()), flow({"Type": "Wait", "Seconds": 1}, task())], "ResultPath": "$.both"}
    each = {"Type": "Map", "ItemsPath": "$.items", "ItemProcessor": flow(task()), "ResultPath": "$.each"}
    return flow(task(), at_once, task(), each, {"Type": "Wait", "Seconds": 1}, task())


def machine(server, name, definition):
    created = call(server, "CreateStateMachine", name=name, definition=json.dumps(definition), roleArn=ROLE)
    if "refused" in created:
        raise SystemExit(f"{name} cannot be created: {created}")
    return created["stateMachineArn"]


def start(server, arn, name, given):
    """Starts an execution for sure: again and again, until its ARN is told."""
    while True:
        try:
            reply = call(server, "StartExecution", stateMachineArn=arn, name=name, input=json.dumps(given))
            if "refused" not in reply:
                return reply["executionArn"]
            raise SystemExit(f"{name} cannot be started: {reply}")
        except (OSError, http.client.HTTPException):
            time.sleep(0.05)


def outputs(server, arns, seconds):
    """The outputs of executions when all have ended; what is running then is None."""
    deadline, found = time.monotonic() + seconds, {}
    while len(found) < len(arns) and time.monotonic() < deadline:
        for arn in arns:
            if arn not in found:
                reply = call(server, "DescribeExecution", executionArn=arn)
                if reply.get("status") not in (None, "RUNNING"):
                    found[arn] = (reply["status"], json.loads(reply.get("output", "null")))
        time.sleep(0.1)
    return [found.get(arn) for arn in arns]


def killed(server, checks):
    arn = machine(server, "everything", everything())
    items = [{"n": 1}, {"n": 2}, {"n": 3}]
    arns = [start(server, arn, f"e{number}", {"items": items}) for number in range(RUNNING)]
    for _ in range(ROUNDS):
        time.sleep(random.uniform(0.2, 1.0))
        server.kill()
        server.start()
    ends = outputs(server, arns, 240)
    given = {"items": items}
    # A branch starts from what it was given, so that it returns that.
    expected = ("SUCCEEDED", {**given, "both": [given, given], "each": items})
    checks["killed: all executions end well"] = all(end == expected for end in ends)
    if not checks["killed: all executions end well"]:
        print([end for end in ends if end != expected][:2])
    whole = True
    for one in arns:
        events = call(server, "GetExecutionHistory", executionArn=one, maxResults=1000)["events"]
        kinds = [event["type"] for event in events]
        whole &= [event["id"] for event in events] == list(range(1, len(events) + 1))
        whole &= kinds.count("LambdaFunctionSucceeded") == 8 and kinds.count("ExecutionSucceeded") == 1
    checks["killed: every step is in the history once"] = whole


def waiting(server, checks):
    arn = machine(server, "waiting", flow({"Type": "Wait", "TimestampPath": "$.until"}))
    # Long enough to start them all; those that come late end at once.
    until = time.time() + 90
    given = {"until": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(until))}
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    headers = {**HEADERS, "X-Amz-Target": "AWSStepFunctions.StartExecution"}
    for number in range(WAITING):
        body = {"stateMachineArn": arn, "name": f"w{number}", "input": json.dumps(given)}
        connection.request("POST", "/", json.dumps(body), headers)
        connection.getresponse().read()
    server.kill()
    began = time.monotonic()
    server.start()
    print(f"{WAITING} waiting executions: started again in {time.monotonic() - began:.2f} s")
    deadline, left = time.monotonic() + 240, WAITING
    while left and time.monotonic() < deadline:
        time.sleep(1)
        left = len(call(server, "ListExecutions", stateMachineArn=arn, statusFilter="RUNNING", maxResults=1000)["executions"])
    ended, token = 0, None
    while True:
        page = call(server, "ListExecutions", stateMachineArn=arn, statusFilter="SUCCEEDED", maxResults=1000, nextToken=token)
        ended += len(page["executions"])
        token = page.get("nextToken")
        if not token:
            break
    checks["waiting: all end after a restart"] = (left, ended) == (0, WAITING)


def main():
    checks = {}
    with tempfile.TemporaryDirectory() as home:
        server = Server(home)
        server.start()
        server.deploy("step", "nodejs:default", ECHO)
        killed(server, checks)
        waiting(server, checks)
        server.stop()
    close("workflows", checks)


main()
