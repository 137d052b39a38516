"""Kills the server with SIGKILL under load, again and again; then everything it acknowledged must be there.

Acknowledged is: an accepted invocation (202), whose id must have a record in the end; and a blocking reply (200),
whose record must be readable. Nothing may be lost, and no restart may fail.
"""

import base64
import http.client
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

WISP = os.environ["WISP"]
ROUNDS = int(os.environ.get("CRASH_ROUNDS", "6"))
CLIENTS = 8
KEY = "23bc46b1-71f6-4ed5-8c54-816aa4f8c502:123zO3xZCLrMN6v2BKK1dXYFpXlPkccOFqm12CdAsMgRU4VrNZ9lyGVCGuMDGIwP"
AUTHORIZATION = {"Authorization": "Basic " + base64.b64encode(KEY.encode()).decode(), "Content-Type": "application/json"}
NAMESPACE = "/api/v1/namespaces/_"
ECHO = "async function main(p) { await new Promise((r) => setTimeout(r, p.ms || 0)); return p; }"


class Server:
    def __init__(self, home):
        self.home = home
        self.data = Path(home) / "data"
        self.port = None

    def start(self):
        endpoints = self.data / "endpoints.json"
        endpoints.unlink(missing_ok=True)
        log = open(Path(self.home) / "log", "ab")
        command = [WISP, "serve", "--dev", "--listen", "127.0.0.1:0", "--data", str(self.data)]
        self.process = subprocess.Popen(command, stdout=log, stderr=log, env={**os.environ, "HOME": self.home})
        for _ in range(600):
            if endpoints.exists():
                self.port = int(json.loads(endpoints.read_text())["http"].rsplit(":", 1)[1])
                return
            if self.process.poll() is not None:
                break
            time.sleep(0.05)
        raise SystemExit("the server does not start:\n" + (Path(self.home) / "log").read_text()[-3000:])

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)

    def call(self, method, path, body=None, connection=None):
        connection = connection or http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request(method, NAMESPACE + path, None if body is None else json.dumps(body), AUTHORIZATION)
        response = connection.getresponse()
        return response.status, json.loads(response.read() or b"null")


def load(server, stop, accepted, finished):
    """One client: mostly accepted invocations, some blocking ones, until the server is gone."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    while not stop.is_set():
        blocking = random.random() < 0.3
        body = {"ms": random.choice([0, 0, 0, 5]), "n": random.random()}
        try:
            status, reply = server.call("POST", f"/actions/echo?blocking={blocking}", body, connection)
        except (OSError, http.client.HTTPException):
            return
        if status == 202:
            accepted.append(reply["activationId"])
        elif status == 200:
            finished.append(reply["activationId"])


def missing(server, ids, seconds):
    """Those of the ids that have no record when the time is up."""
    end = time.monotonic() + seconds
    left = list(ids)
    while left and time.monotonic() < end:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        left = [id for id in left if server.call("GET", f"/activations/{id}", connection=connection)[0] != 200]
        time.sleep(0.2 if left else 0)
    return left


def main():
    failures = []
    with tempfile.TemporaryDirectory(prefix="wisp-crash-") as home:
        server = Server(home)
        server.start()
        server.call("PUT", "/actions/echo?overwrite=true", {"exec": {"kind": "nodejs:default", "code": ECHO}})
        accepted, finished = [], []
        for _ in range(ROUNDS):
            stop = threading.Event()
            clients = [threading.Thread(target=load, args=(server, stop, accepted, finished)) for _ in range(CLIENTS)]
            for client in clients:
                client.start()
            time.sleep(random.uniform(0.2, 1.5))
            server.kill()
            stop.set()
            for client in clients:
                client.join()
            server.start()
        lost = missing(server, accepted, 120)
        unread = missing(server, finished, 10)
        print(f"{ROUNDS} kills, {len(accepted)} accepted, {len(finished)} finished", flush=True)
        checks = {
            f"{len(lost)} accepted invocations have no record: {lost[:3]}": not lost,
            f"{len(unread)} finished invocations have no record: {unread[:3]}": not unread,
            "the load reached the server": len(accepted) > 100 and len(finished) > 20,
            "the server ends with 0 on SIGTERM": server.stop() == 0,
        }
        failures = [what for what, holds in checks.items() if not holds]
        for what in failures:
            print("FAILED:", what)
        print(f"crash: {len(checks) - len(failures)} passed, {len(failures)} failed")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
