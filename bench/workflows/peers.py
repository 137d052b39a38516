"""The systems that workflows are measured beside, each started on the same disk and stopped again."""

import http.client
import json
import os
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE.parent))
from bench import CLEAN, free_port  # noqa: E402

PEERS = Path(os.environ["BENCH_PEERS"])


def reachable(port, seconds=60):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            return socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            time.sleep(0.05)
    raise SystemExit(f"nothing answers at port {port}")


def post(port, path, body=None):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    connection.request("POST", path, None if body is None else json.dumps(body), {"Content-Type": "application/json"})
    response = connection.getresponse()
    content = response.read()
    if response.status >= 400:
        raise SystemExit(f"POST {path}: {response.status} {content[:300]}")


class Restate:
    """The server, with the services of restate.mjs in a Node process."""

    def __init__(self, directory):
        self.port, admin, service, node = (free_port() for _ in range(4))
        server = PEERS / "node_modules/@restatedev/restate-server-linux-x64/bin/restate-server"
        environment = {
            **CLEAN,
            "RESTATE_INGRESS__BIND_ADDRESS": f"127.0.0.1:{self.port}",
            "RESTATE_ADMIN__BIND_ADDRESS": f"127.0.0.1:{admin}",
            "RESTATE_BIND_ADDRESS": f"127.0.0.1:{node}",
            "RESTATE_DISABLE_TELEMETRY": "true",
            "RESTATE_LOG_FILTER": "error",
            # Of the SDK: without a line for each step.
            "RESTATE_LOGGING": "ERROR",
        }
        self.log = open(f"{directory}/log", "wb")
        self.server = subprocess.Popen(
            [server, "--base-dir", f"{directory}/data"], cwd=directory, env=environment, stdout=self.log, stderr=self.log
        )
        # Its modules are found beside its file.
        shutil.copy(HERE / "restate.mjs", PEERS / "restate.mjs")
        self.service = subprocess.Popen(
            [os.environ["BENCH_NODE"], PEERS / "restate.mjs", str(service)], env=environment, stdout=self.log, stderr=self.log
        )
        for port in (self.port, admin, service):
            reachable(port)
        self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        self.register(admin, service)

    def register(self, admin, service):
        for attempt in range(60):
            try:
                return post(admin, "/deployments", {"uri": f"http://127.0.0.1:{service}", "use_http_11": False})
            except (OSError, SystemExit):
                if attempt == 59:
                    raise
                time.sleep(0.5)

    def run(self, handler, count):
        """Milliseconds until a handler's reply."""
        begun = time.perf_counter()
        self.connection.request("POST", f"/flow/{handler}", str(count), {"Content-Type": "application/json"})
        response = self.connection.getresponse()
        content = response.read()
        if response.status != 200:
            raise SystemExit(f"restate: {response.status} {content[:300]}")
        return (time.perf_counter() - begun) * 1000

    def stop(self):
        for process in (self.service, self.server):
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


class Library:
    """A peer of sdks.py."""

    def __init__(self, directory, name, address):
        self.log = open(f"{directory}/{name}.log", "wb")
        command = [PEERS / "venv/bin/python", HERE / "sdks.py", name, str(address)]
        self.process = subprocess.Popen(
            command, env={**CLEAN, "HOME": directory}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, text=True
        )
        while line := self.process.stdout.readline():
            if line.strip() == "ready":
                return
        raise SystemExit(f"{name} does not start: {Path(self.log.name).read_text()[-2000:]}")

    def run(self, what, count):
        self.process.stdin.write(f"{what} {count}\n")
        self.process.stdin.flush()
        return float(self.process.stdout.readline())

    def stop(self):
        self.process.kill()
        self.process.wait()


class Postgres:
    """A server of its own with its defaults: every commit is synced."""

    def __init__(self, directory):
        self.directory, self.port = f"{directory}/postgres", free_port()
        self.binaries = max(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name))
        # It refuses to run as root.
        self.user = "postgres" if os.geteuid() == 0 else None
        os.makedirs(self.directory)
        if self.user:
            owner = pwd.getpwnam(self.user)
            os.chown(self.directory, owner.pw_uid, owner.pw_gid)
            os.chmod(directory, 0o755)
        self.call("initdb", "-D", self.directory, "--auth=trust", "--username=bench")
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={self.directory}"
        self.call("pg_ctl", "-D", self.directory, "-w", "-o", options, "-l", f"{self.directory}/log", "start")
        self.address = f"postgresql://bench@127.0.0.1:{self.port}/postgres"

    def call(self, program, *arguments):
        command = [self.binaries / program, *arguments]
        subprocess.run(command, user=self.user, env=CLEAN, cwd="/", check=True, stdout=subprocess.DEVNULL)

    def stop(self):
        self.call("pg_ctl", "-D", self.directory, "-w", "-m", "immediate", "stop")


@contextmanager
def peers(*wanted):
    """The peers of these names, running."""
    running, stops = {}, []
    with tempfile.TemporaryDirectory(prefix="wisp-peers-") as directory:
        try:
            for name in wanted:
                if name == "restate":
                    running[name] = Restate(directory)
                elif name == "durabletask":
                    running[name] = Library(directory, name, free_port())
                else:
                    postgres = Postgres(directory)
                    stops.append(postgres)
                    running[name] = Library(directory, name, postgres.address)
                stops.append(running[name])
            yield running
        finally:
            for one in reversed(stops):
                one.stop()
