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
    os.write(3, b"x" * 100)
    time.sleep(100)


def hugeframe(args):
    os.write(3, b"\xff\xff\xff\xff\x03" + bytes(8))
    time.sleep(100)


def forge(args):
    text = b'{"forged":true}'
    os.write(3, bytes([9 + len(text), 0, 0, 0, 3, 1, 2, 3, 4, 5, 6, 7, 8]) + text)
    time.sleep(100)


def close(args):
    os.close(3)
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
    "forge": forge,
    "close": close,
    "memory": memory,
}


def main(args):
    return TASKS[args["do"]](args)
