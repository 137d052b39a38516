#!/usr/bin/python3 -u
import json
import os
import sys
import time


def log(args):
    print(args["word"])
    print(args["word"] + " problem", file=sys.stderr)
    sys.stdout.write(args["word"] + " again, unfinished")
    return {}


def flood(args):
    for n in range(args["lines"]):
        print("line %d %s" % (n, "x" * 40), file=sys.stderr if n % 2 else sys.stdout)
    return {}


def leave(args):
    print("last words")
    sys.exit(3)


def loop(args):
    print("before loop")
    while True:
        pass


def sleep(args):
    print("before sleep")
    time.sleep(100)


def garbage(args):
    os.write(3, b"x" * 100 + b"\n")
    time.sleep(100)


def hugeframe(args):
    while True:
        os.write(3, b"x" * 100000)


def close(args):
    os.close(3)
    os.close(0)
    time.sleep(100)


def memory(args):
    kept = []
    while True:
        kept.append(b"1" * (1 << 20))


TASKS = {
    "echo": lambda args: args,
    "fail": lambda args: {"error": {"code": 7}},
    "bad": lambda args: "text",
    "exit": leave,
    "log": log,
    "flood": flood,
    "environment": lambda args: dict(os.environ),
    "huge": lambda args: {"text": "y" * args["bytes"]},
    "loop": loop,
    "sleep": sleep,
    "garbage": garbage,
    "hugeframe": hugeframe,
    "forge": garbage,
    "close": close,
    "memory": memory,
}

for line in sys.stdin:
    body = json.loads(line)
    for key, value in body.items():
        if key != "value":
            os.environ["__OW_" + key.upper()] = value
    result = TASKS[body["value"]["do"]](body["value"])
    reply = (json.dumps(result, ensure_ascii=False) + "\n").encode()
    while reply:
        reply = reply[os.write(3, reply) :]
