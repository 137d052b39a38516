"""What events cost beside invocations that nobody waits for, from the first request to the last record."""

import json
import os
import socket
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

from bench import ECHO, NAMESPACE, ROUNDS, free_port, head, metric, row, serving, settle, wrk

# What is accepted faster than it runs is in flight meanwhile, and an event's sender is not slowed down.
ROOM = ("--set", "limits.concurrent_invocations=1000000")
MESSAGES = 20_000
RULES = 10


def runs(server):
    return metric(server, "wisp_activations_total")


def processor(server):
    """Seconds that the server has computed, functions not included."""
    fields = Path(f"/proc/{server.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def rate(server, work):
    """Runs a second, from the beginning of some work until all that came of it has a record; and what each run took of the
    server's processor, in milliseconds."""
    before, computed, start = runs(server), processor(server), time.perf_counter()
    work()
    settle(server)
    count = runs(server) - before
    return count / (time.perf_counter() - start), (processor(server) - computed) / count * 1000


def invocations(server):
    url = f"http://127.0.0.1:{server.port}{NAMESPACE}/actions/echo"
    return rate(server, lambda: wrk(url, 64, server.authorization))


def fires():
    head(f"A trigger with {RULES} rules beside non-blocking invocations: runs a second until all have a record")
    with serving(*ROOM) as server:
        server.action("echo", "nodejs:default", ECHO)
        server.call("PUT", "/triggers/event", {})
        for number in range(RULES):
            server.call("PUT", f"/rules/rule{number}", {"trigger": "/_/event", "action": "/_/echo"})
        url = f"http://127.0.0.1:{server.port}{NAMESPACE}/triggers/event"
        invocations(server)
        rounds = [
            (*rate(server, lambda: wrk(url, 64, server.authorization)), *invocations(server)) for _ in range(ROUNDS)
        ]
        bound, cost, plain, peer = (statistics.median(column) for column in zip(*rounds))
        row("time of a bound action, us", f"{1e6 / bound:.0f}", f"{1e6 / plain:.0f}", f"{plain / bound:.2f}", "<= 1.3")
        row("server's processor, us", f"{cost * 1000:.0f}", f"{peer * 1000:.0f}", f"{cost / peer:.2f}", "")


class Stream:
    """A stream of JetStream on a server of its own."""

    def __init__(self, home):
        self.port = free_port()
        command = ["nats-server", "--addr", "127.0.0.1", "--port", str(self.port), "--jetstream", "--store_dir", home]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while True:
            try:
                self.socket = socket.create_connection(("127.0.0.1", self.port), timeout=60)
                break
            except OSError:
                time.sleep(0.05)
        self.lines = self.socket.makefile("rb")
        self.lines.readline()
        self.socket.sendall(b'CONNECT {"verbose":false,"pedantic":false}\r\nSUB answer 1\r\n')
        self.ask("$JS.API.STREAM.CREATE.EVENTS", {"name": "EVENTS", "subjects": ["events"], "storage": "file"})

    def ask(self, subject, body):
        text = json.dumps(body).encode()
        self.socket.sendall(f"PUB {subject} answer {len(text)}\r\n".encode() + text + b"\r\n")
        while line := self.lines.readline():
            if line == b"PING\r\n":
                self.socket.sendall(b"PONG\r\n")
            if line.startswith(b"MSG "):
                return json.loads(self.lines.read(int(line.split()[-1]) + 2))

    def publish(self, count):
        text = json.dumps({"name": "Ada", "numbers": [1, 2, 3, 4, 5], "nested": {"flag": True}}).encode()
        message = f"PUB events {len(text)}\r\n".encode() + text + b"\r\n"
        before = self.ask("$JS.API.STREAM.INFO.EVENTS", {})["state"]["messages"]
        for _ in range(count // 1000):
            self.socket.sendall(message * 1000)
        while self.ask("$JS.API.STREAM.INFO.EVENTS", {})["state"]["messages"] < before + count:
            time.sleep(0.05)


def sources():
    head(f"{MESSAGES} messages of a JetStream stream, each to a warm function, beside non-blocking invocations")
    with tempfile.TemporaryDirectory(prefix="wisp-bench-nats-") as home, serving(*ROOM) as server:
        stream = Stream(home)
        try:
            server.action("echo", "nodejs:default", ECHO)
            invocations(server)
            rounds = [(drain(server, stream, number), invocations(server)[0]) for number in range(ROUNDS)]
        finally:
            stream.process.kill()
            stream.process.wait()
        drained, plain = (statistics.median(column) for column in zip(*rounds))
        row("events/s, and invocations/s", f"{drained:.0f}", f"{plain:.0f}", f"{drained / plain:.2f}", ">= 0.5")


def drain(server, stream, number):
    """Runs a second of what waits in the stream when a trigger is connected with it."""
    stream.publish(MESSAGES)
    trigger, feed = f"drain{number}", {"lifecycleEvent": "CREATE", "durable": f"drain{number}", "stream": "EVENTS"}
    server.call("PUT", "/packages/nats?overwrite=true", {"binding": {"namespace": "whisk.system", "name": "nats"}})
    server.call("PUT", f"/triggers/{trigger}", {})
    server.call("PUT", f"/rules/{trigger}-echo", {"trigger": f"/_/{trigger}", "action": "/_/echo"})
    feed |= {"url": f"nats://127.0.0.1:{stream.port}", "triggerName": trigger, "from": "all"}
    waiting, before, start = MESSAGES * (number + 1), runs(server), time.perf_counter()
    server.call("POST", "/actions/nats/stream?blocking=true", feed)
    while runs(server) - before < waiting:
        time.sleep(0.02)
    rate = waiting / (time.perf_counter() - start)
    server.call("POST", "/actions/nats/stream?blocking=true", {"lifecycleEvent": "DELETE", "triggerName": trigger})
    return rate
