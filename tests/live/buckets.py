"""Buckets under many hands and over kill -9: what was put is there, a trigger fires once for what it waited for, windows close and
tasks go on after a restart. Standard library only."""

import collections
import http.client
import json
import random
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from harness import HEADERS, Server, close

TOGETHER = 80
ROUNDS = 4
SESSIONS = 30
SET = ["a", "b", "c", "d", "e"]
COLLECT = "const main = ({ session, objects }) => ({ session, keys: objects.map(o => o.key).sort() })"
ROLE = "arn:aws:iam::123456789012:role/x"
WAITER = {
    "StartAt": "W",
    "States": {
        "W": {
            "Type": "Task",
            "Resource": "arn:aws:states:::wisp:bucket:wait",
            "Parameters": {"Bucket": "kept", "Session": "waited", "Primitive": "by-name", "Params": {"key_name": "k"}, "Pass": "value"},
            "OutputPath": "$.objects",
            "End": True,
        }
    },
}


def states(server, operation, **given):
    headers = {**HEADERS, "X-Amz-Target": "AWSStepFunctions." + operation}
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    connection.request("POST", "/", json.dumps(given), headers)
    return json.loads(connection.getresponse().read())


def ask(server, method, path, body=None, wanted=(200, 201)):
    status, reply = server.call(method, path, body)
    if status not in wanted:
        raise SystemExit(f"{method} {path}: {status} {reply}")
    return reply


def put(server, bucket, session, key, value=1):
    """Puts an object for sure: again and again, until that is acknowledged."""
    while True:
        try:
            status, _ = server.call("PUT", f"/buckets/{bucket}/objects/{key}?session={session}", value)
            if status in (200, 201):
                return status
        except (OSError, http.client.HTTPException, ValueError):
            pass
        time.sleep(0.05)


def results(server, name):
    """Results of an action, with their activations."""
    found, skip = {}, 0
    while True:
        page = ask(server, "GET", f"/activations?name={name}&docs=true&limit=200&skip={skip}")
        found.update({record["activationId"]: record["response"]["result"] for record in page})
        if len(page) < 200:
            return found
        skip += 200


def until(look, wanted, seconds=120):
    """What is seen when it is as wanted, or at the end."""
    deadline = time.monotonic() + seconds
    while True:
        seen = look()
        if wanted(seen) or time.monotonic() > deadline:
            return seen
        time.sleep(0.2)


def bucket(server, name, trigger, action, **options):
    ask(server, "PUT", f"/buckets/{name}", options)
    ask(server, "PUT", f"/buckets/{name}/triggers/t", {**trigger, "function": action})


def crowd(server, checks):
    """Many producers of one batch, in a bucket of each durability."""
    for durability in ("none", "speculative", "strict"):
        name, action = f"crowd-{durability}", f"crowd-{durability}"
        server.deploy(action, "nodejs:default", COLLECT)
        bucket(server, name, {"primitive": "by-batch-size", "params": {"count": TOGETHER}}, action, durability=durability)
        with ThreadPoolExecutor(TOGETHER) as hands:
            statuses = list(hands.map(lambda n: put(server, name, "s", f"k{n:02}"), range(TOGETHER)))
            again = list(hands.map(lambda n: put(server, name, "s", f"k{n:02}"), range(TOGETHER)))
        seen = until(lambda: results(server, action), lambda seen: seen)
        time.sleep(1)
        seen = list(results(server, action).values())
        whole = [f"k{n:02}" for n in range(TOGETHER)]
        checks[f"{TOGETHER} at once are one batch ({durability})"] = [result["keys"] for result in seen] == [whole]
        checks[f"each is put once ({durability})"] = set(statuses) == {201} and set(again) == {200}


def killed(server, checks):
    """Sets that are completed while the server is killed."""
    server.deploy("joined", "nodejs:default", COLLECT)
    bucket(server, "kept", {"primitive": "by-set", "params": {"key_set": SET}}, "joined", durability="speculative")
    work = [(f"s{n}", key) for n in range(SESSIONS) for key in SET]
    random.Random(7).shuffle(work)
    left, lock = collections.deque(work), threading.Lock()

    def hand():
        while True:
            with lock:
                if not left:
                    return
                session, key = left.popleft()
            put(server, "kept", session, key)

    hands = [threading.Thread(target=hand) for _ in range(8)]
    for thread in hands:
        thread.start()
    for _ in range(ROUNDS):
        time.sleep(random.uniform(0.05, 0.4))
        server.kill()
        server.start()
    for thread in hands:
        thread.join()
    seen = until(lambda: results(server, "joined"), lambda seen: len(seen) >= SESSIONS)
    counts = collections.Counter(result.get("session") for result in seen.values())
    checks["every set fires, once"] = counts == {f"s{n}": 1 for n in range(SESSIONS)}
    checks["with all of its objects"] = all(result["keys"] == SET for result in seen.values())
    objects = [len(ask(server, "GET", f"/buckets/kept/objects?session=s{n}")) for n in range(SESSIONS)]
    checks["what was put is there"] = objects == [len(SET)] * SESSIONS


def restarted(server, checks):
    """What waits when the server is killed."""
    server.deploy("window", "nodejs:default", COLLECT)
    window = {"primitive": "by-time", "params": {"time_window": 4000}}
    bucket(server, "windows", window, "window", durability="strict")
    bucket(server, "lost", window, "window", durability="none")
    arn = states(server, "CreateStateMachine", name="waiter", definition=json.dumps(WAITER), roleArn=ROLE)["stateMachineArn"]
    execution = states(server, "StartExecution", stateMachineArn=arn, name="w", input="{}")["executionArn"]
    put(server, "windows", "s", "k")
    put(server, "lost", "s", "k")
    server.kill()
    server.start()
    checks["what is not durable is gone"] = server.call("GET", "/buckets/lost/objects/k?session=s")[0] == 404
    put(server, "kept", "waited", "k", {"n": 1})
    seen = until(lambda: results(server, "window"), lambda seen: seen)
    checks["a window closes after a restart"] = [result["keys"] for result in seen.values()] == [["k"]]
    described = until(
        lambda: states(server, "DescribeExecution", executionArn=execution), lambda seen: seen["status"] != "RUNNING"
    )
    checks["a task that waits goes on after a restart"] = described.get("output") == '[{"n":1}]'
    ask(server, "DELETE", "/buckets/windows")
    ask(server, "PUT", "/buckets/windows", {"durability": "strict"})
    checks["a new bucket knows nothing of the old"] = ask(server, "GET", "/buckets/windows/objects?session=s") == []


def main():
    checks = {}
    with tempfile.TemporaryDirectory() as home:
        server = Server(home)
        server.start()
        crowd(server, checks)
        killed(server, checks)
        restarted(server, checks)
        server.stop()
    close("buckets", checks)


if __name__ == "__main__":
    main()
