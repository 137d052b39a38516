"""A NATS server of the tests' own, and the little of its protocol that publishing takes."""

import json
import socket
import subprocess
import time


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Nats:
    def __init__(self, home):
        self.port = free_port()
        self.command = ["nats-server", "--addr", "127.0.0.1", "--port", str(self.port)]
        self.command += ["--jetstream", "--store_dir", str(home)]

    def start(self):
        self.process = subprocess.Popen(self.command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(600):
            try:
                self.connect()
                self.request("$JS.API.INFO")
                return
            except OSError:
                time.sleep(0.05)
        raise SystemExit("nats-server does not start")

    def connect(self):
        self.socket = socket.create_connection(("127.0.0.1", self.port), timeout=10)
        self.lines = self.socket.makefile("rb")
        self.lines.readline()
        self.socket.sendall(b'CONNECT {"verbose":false,"pedantic":false}\r\nSUB answer 1\r\n')

    def request(self, subject, body=""):
        """What is answered to a request; for a message to a stream, that it is stored."""
        payload = body.encode()
        self.socket.sendall(f"PUB {subject} answer {len(payload)}\r\n".encode() + payload + b"\r\n")
        while line := self.lines.readline():
            if line == b"PING\r\n":
                self.socket.sendall(b"PONG\r\n")
            if line.startswith(b"MSG "):
                answer = self.lines.read(int(line.split()[-1]) + 2)
                return json.loads(answer)
        raise ConnectionError("the server has closed the connection")

    def kill(self):
        self.process.kill()
        self.process.wait()
