"""What an attack is: a small function, what it must not achieve, and what its record must say."""

from dataclasses import dataclass, field
from typing import Callable

# What every attack in Python begins with. `got` tells which of several attempts came to something.
PRELUDE = '''
import ctypes, errno, glob, json, os, resource, signal, socket, struct, subprocess, sys, threading, time
libc = ctypes.CDLL(None, use_errno=True)

def call(number, *arguments):
    """A system call; None if it was refused. That the kernel finds fault with its arguments means that it was not."""
    result = libc.syscall(number, *arguments)
    refused = (errno.EPERM, errno.EACCES, errno.ENOSYS)
    return None if result < 0 and ctypes.get_errno() in refused else [result]

def works(attempt):
    try:
        return attempt() not in (None, False, -1, "", b"", [])
    except (OSError, ValueError, OverflowError, AttributeError):
        return False

def got(attempts):
    return {"got": sorted(name for name, attempt in attempts.items() if works(attempt))}

def read(path):
    with open(path, "rb") as file:
        return file.read(1 << 16)

def write(path, text="x"):
    with open(path, "w") as file:
        file.write(text)
    return True
'''
NOTHING = {"got": []}


def nothing(status, result):
    """The function ended as usual, and achieved nothing."""
    return status == "success" and result == NOTHING


def python(body):
    """A Python function with this body."""
    lines = body.strip("\n").splitlines()
    return PRELUDE + "def main(args):\n" + "\n".join("    " + line for line in lines)


@dataclass
class Attack:
    """One attack. `holds` judges the record's status and result; `logs` the lines of its record."""

    name: str
    code: str
    holds: Callable = nothing
    kind: str = "python:default"
    limits: dict = field(default_factory=dict)
    arguments: dict = field(default_factory=dict)
    logs: Callable = lambda lines: True
    # The container image that its code is given to.
    image: str | None = None
    annotations: dict = field(default_factory=dict)
    # Functions of this kind may lose their state with the attacker, though never a reply.
    shared: bool = False


def flooded(lines):
    """The log was cut at 1 MB, and says so."""
    kept = sum(len(line[40:]) for line in lines[:-1])
    return "truncated" in lines[-1] and kept < 2 << 20


def refused(text):
    """The record says that the function broke this rule."""
    return lambda status, result: status == "action developer error" and text in str(result)


exhausted = refused("exhausted its memory")


def late(milliseconds):
    """The record says that the function exceeded its time."""
    return refused(f"exceeded its time limits of {milliseconds} milliseconds")


def survives(status, result):
    """Any orderly end will do: what matters is that others go on."""
    return status in ("success", "application error", "action developer error")


def node(name, body, holds=nothing, **rest):
    """An attack in JavaScript, on Node.js."""
    return Attack(name, f"const fs = require('fs');\n{body}", holds, kind="nodejs:default", **rest)


def native(name, script, holds=nothing, **rest):
    """An attack by a program, here a shell script that speaks the protocol on descriptor 3."""
    return Attack(name, f"#!/bin/sh\n{script}\n", holds, kind="native", **rest)


def isolate(name, body, holds=nothing, **rest):
    """An attack from a V8 isolate."""
    return Attack(name, body, holds, kind="js:isolate", shared=True, **rest)
