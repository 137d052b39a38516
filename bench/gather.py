"""Fan-out to 80 functions and the join of their results: by buckets alone (80 requests put what runs a function each, whose
results a trigger joins), by state machines (one request), and by a state machine whose results a bucket joins.

    WISP=target/release/wisp python3 bench/gather.py

Every figure is the median of interleaved rounds, from the first request until the join's result is seen."""

import json
import socket
import statistics
import time

from bench import ROUNDS, serving

PARTS = 80
HANDS = 8
PART = "const main = ({ n }) => ({ n })"
JOIN = "const main = ({ objects }) => ({ sum: objects.reduce((sum, object) => sum + object.n, 0) })"
WANTED = sum(range(PARTS))
ROLE = "arn:aws:iam::123456789012:role/x"


def parts(action, **then):
    """A state that calls an action for each part."""
    part = {"StartAt": "Part", "States": {"Part": {"Type": "Task", "Resource": f"wisp:action:{action}", "End": True}}}
    return {"Type": "Map", "ItemsPath": "$.parts", "ItemProcessor": part, "ResultPath": "$.objects", **then}


JOIN_STATE = {"Type": "Task", "Resource": "wisp:action:join", "End": True}
WHOLE = {"StartAt": "Parts", "States": {"Parts": parts("part", Next="Join"), "Join": JOIN_STATE}}
HALF = {"StartAt": "Parts", "States": {"Parts": parts("leave", End=True)}}


def states(server, operation, **given):
    headers = {
        "Authorization": server.authorization,
        "Content-Type": "application/x-amz-json-1.0",
        "X-Amz-Target": "AWSStepFunctions." + operation,
    }
    server.connection.request("POST", "/", json.dumps(given), headers)
    reply = server.connection.getresponse()
    content = reply.read()
    if reply.status >= 400:
        raise SystemExit(f"{operation}: {content[:300]}")
    return json.loads(content)


def by_bucket(server, bucket, session):
    # All requests of a connection are written at once: what a client computes is not what is measured.
    def request(n):
        body = json.dumps({"n": n})
        path = f"/api/v1/namespaces/_/buckets/{bucket}/objects/{n}?session={session}"
        head = f"PUT {path} HTTP/1.1\r\nHost: h\r\nAuthorization: {server.authorization}\r\nContent-Type: application/json"
        return f"{head}\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()

    hands = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(HANDS)]
    for first, hand in enumerate(hands):
        hand.sendall(b"".join(map(request, range(first, PARTS, HANDS))))
    joined = server.call("GET", f"/buckets/{bucket}-total/objects/total?session={session}&wait=60")
    if joined["sum"] != WANTED:
        raise SystemExit(f"the join by {bucket} is wrong: {joined}")
    for hand in hands:
        hand.close()


def given(arn, name):
    return {"stateMachineArn": arn, "name": name, "input": json.dumps({"parts": [{"n": n} for n in range(PARTS)]})}


def by_both(server, arn, name):
    """The parts are called by a state machine, and leave their results; the bucket joins them."""
    states(server, "StartExecution", **given(arn, name))
    joined = server.call("GET", f"/buckets/memory-total/objects/total?session={name}&wait=60")
    if joined["sum"] != WANTED:
        raise SystemExit(f"the join by both is wrong: {joined}")


def by_machine(server, arn, name, express):
    if express:
        seen = states(server, "StartSyncExecution", **given(arn, name))
    else:
        execution = states(server, "StartExecution", **given(arn, name))["executionArn"]
        while (seen := states(server, "DescribeExecution", executionArn=execution))["status"] == "RUNNING":
            time.sleep(0.002)
    if json.loads(seen["output"])["sum"] != WANTED:
        raise SystemExit(f"the join by {name} is wrong: {seen}")


def prepare(server):
    server.action("part", "nodejs:default", PART)
    server.action("join", "nodejs:default", JOIN)
    for bucket, durability in (("memory", "none"), ("kept", "speculative")):
        server.call("PUT", f"/buckets/{bucket}", {"durability": durability})
        # What is put runs a part, whose result is put too; the join's goes where nothing follows from it.
        server.call("PUT", f"/buckets/{bucket}-results", {"durability": durability})
        server.call("PUT", f"/buckets/{bucket}-total", {"durability": durability})
        join = {"exec": {"kind": "nodejs:default", "code": JOIN}, "annotations": [{"key": "output-bucket", "value": {"bucket": f"{bucket}-total", "key": "total"}}]}
        server.call("PUT", f"/actions/join-{bucket}?overwrite=true", join)
        code = "const main = ({ objects: [{ n }] }) => ({ n })"
        part = {"exec": {"kind": "nodejs:default", "code": code}, "annotations": [{"key": "output-bucket", "value": f"{bucket}-results"}]}
        server.call("PUT", f"/actions/part-{bucket}?overwrite=true", part)
        fires = {"primitive": "immediate", "function": f"part-{bucket}", "pass": "value"}
        server.call("PUT", f"/buckets/{bucket}/triggers/part", fires)
        gathers = {"primitive": "by-batch-size", "params": {"count": PARTS}, "function": f"join-{bucket}", "pass": "value"}
        server.call("PUT", f"/buckets/{bucket}-results/triggers/join", gathers)
    leave = {"exec": {"kind": "nodejs:default", "code": PART}, "annotations": [{"key": "output-bucket", "value": "memory-results"}]}
    server.call("PUT", "/actions/leave?overwrite=true", leave)
    machines = {}
    for name, kind, definition in (("standard", "STANDARD", WHOLE), ("express", "EXPRESS", WHOLE), ("half", "EXPRESS", HALF)):
        created = states(server, "CreateStateMachine", name=name, definition=json.dumps(definition), roleArn=ROLE, type=kind)
        machines[name] = created["stateMachineArn"]
    return machines


def main():
    with serving("--set", "workflows.inline_concurrency=80") as server:
        machines = prepare(server)
        ways = {
            "bucket, durability none": lambda name: by_bucket(server, "memory", name),
            "bucket, speculative": lambda name: by_bucket(server, "kept", name),
            "Express, joined by bucket": lambda name: by_both(server, machines["half"], name),
            "state machine, Express": lambda name: by_machine(server, machines["express"], name, True),
            "state machine, Standard": lambda name: by_machine(server, machines["standard"], name, False),
        }
        taken = {way: [] for way in ways}
        for number in range(5 * ROUNDS + 2):
            for way, run in ways.items():
                start = time.perf_counter()
                run(f"round-{number}-{list(ways).index(way)}")
                taken[way].append(time.perf_counter() - start)
        medians = {way: statistics.median(times[2:]) for way, times in taken.items()}
        base = medians["state machine, Standard"]
        print(f"{PARTS} functions and a join, median of {5 * ROUNDS} rounds")
        for way, median in medians.items():
            print(f"  {way:<28} {median * 1000:8.1f} ms   {median / base:5.2f} of Standard")


if __name__ == "__main__":
    main()
