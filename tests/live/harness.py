"""A server of the tests' own, and calls to it."""

import base64
import http.client
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

WISP = os.environ["WISP"]
KEY = "23bc46b1-71f6-4ed5-8c54-816aa4f8c502:123zO3xZCLrMN6v2BKK1dXYFpXlPkccOFqm12CdAsMgRU4VrNZ9lyGVCGuMDGIwP"


def headers(key):
    """The headers of a caller with this key."""
    return {"Authorization": "Basic " + base64.b64encode(key.encode()).decode(), "Content-Type": "application/json"}


HEADERS = headers(KEY)
NAMESPACE = "/api/v1/namespaces/_"


class Server:
    def __init__(self, home):
        self.home = home
        self.data = Path(home) / "data"
        self.port = None

    def start(self, *flags, listen="127.0.0.1:0"):
        """Serves; with the well-known keys unless other flags are given."""
        endpoints = self.data / "endpoints.json"
        endpoints.unlink(missing_ok=True)
        log = open(Path(self.home) / "log", "ab")
        command = [WISP, "serve", "--listen", listen, "--data", str(self.data), *(flags or ["--dev"])]
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

    def call(self, method, path, body=None, connection=None, headers=HEADERS):
        connection = connection or http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request(method, NAMESPACE + path, None if body is None else json.dumps(body), headers)
        response = connection.getresponse()
        return response.status, json.loads(response.read() or b"null")

    def fetch(self, path, method="GET"):
        """Status and text of what anybody may ask for."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request(method, path)
        response = connection.getresponse()
        return response.status, response.read().decode()

    def deploy(self, name, kind, code, image=None, annotations=(), **limits):
        execution = {"kind": kind, "code": code} | ({"image": image} if image else {})
        described = [{"key": key, "value": value} for key, value in dict(annotations).items()]
        body = {"exec": execution, "limits": limits, "annotations": described}
        status, reply = self.call("PUT", f"/actions/{name}?overwrite=true", body)
        if status != 200:
            raise SystemExit(f"{name} cannot be deployed: {status} {reply}")

    def invoke(self, name, body=None):
        """The activation of a blocking call."""
        return self.call("POST", f"/actions/{name}?blocking=true", body or {})[1]


def close(suite, checks):
    """Prints what failed of `{what must hold: whether it does}` and the closing line; ends the process."""
    failures = [what for what, holds in checks.items() if not holds]
    for what in failures:
        print("FAILED:", what)
    print(f"{suite}: {len(checks) - len(failures)} passed, {len(failures)} failed", flush=True)
    sys.exit(1 if failures else 0)
