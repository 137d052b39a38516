"""Measures Wisp beside its peers in one run and prints ratios.

    bench/run.sh [throughput|accept|listing|coldstart|forked|isolates|images|programs|memory|roundrobin|idle|web|fires|sources]...     everything when nothing is named

Every figure is the median of interleaved rounds: the machine may be shared, the ratios hold.
"""

import base64
import http.client
import json
import os
import re
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parent
WISP = os.environ["WISP"]
NODE = os.environ.get("NODE", "node")
PYTHON = os.environ.get("PYTHON", "/usr/bin/python3")
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "3"))
SECONDS = int(os.environ.get("BENCH_SECONDS", "5"))
# What a function sees of the environment: certificates and the like would slow the bare interpreters down.
CLEAN = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8"}
NAMESPACE = "/api/v1/namespaces/_"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """A running `wisp serve` with a data directory of its own."""

    def __init__(self, directory, *flags, environment=None):
        self.port, self.directory = free_port(), directory
        self.started = time.perf_counter()
        command = [WISP, "serve", "--dev", "--listen", f"127.0.0.1:{self.port}", "--data", directory, *flags]
        self.log = open(f"{directory}.log", "wb")
        self.process = subprocess.Popen(
            command, stdout=self.log, stderr=self.log, env={**CLEAN, "HOME": directory, **(environment or {})}
        )
        self.key = (
            "23bc46b1-71f6-4ed5-8c54-816aa4f8c502:"
            "123zO3xZCLrMN6v2BKK1dXYFpXlPkccOFqm12CdAsMgRU4VrNZ9lyGVCGuMDGIwP"
        )
        self.authorization = "Basic " + base64.b64encode(self.key.encode()).decode()
        self.connection = None
        self.first_answer = self.wait()

    def wait(self):
        while time.perf_counter() - self.started < 30:
            if self.process.poll() is not None:
                raise SystemExit(f"the server ended: see {self.log.name}")
            try:
                self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=90)
                self.connection.request("GET", "/ping")
                self.connection.getresponse().read()
                return time.perf_counter() - self.started
            except OSError:
                time.sleep(0.002)
        raise SystemExit("the server does not answer")

    def call(self, method, path, body=None):
        return self.ask(method, NAMESPACE + path, body)

    def manage(self, verb, body):
        """Asks the API gateway's management."""
        return self.ask("POST", f"/api/v1/web/whisk.system/apimgmt/{verb}.http", body)

    def ask(self, method, path, body=None):
        text = None if body is None else json.dumps(body)
        headers = {"Authorization": self.authorization, "Content-Type": "application/json"}
        self.connection.request(method, path, text, headers)
        response = self.connection.getresponse()
        content = response.read()
        if response.status >= 400:
            raise SystemExit(f"{method} {path}: {response.status} {content[:300]}")
        return json.loads(content) if content else None

    def action(self, name, kind, code, **limits):
        self.call("PUT", f"/actions/{name}?overwrite=true", {"exec": {"kind": kind, "code": code}, "limits": limits})

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@contextmanager
def serving(*flags, environment=None):
    with tempfile.TemporaryDirectory(prefix="wisp-bench-") as directory:
        server = Server(directory, *flags, environment=environment)
        try:
            yield server
        finally:
            server.stop()


@contextmanager
def bare_node():
    port = free_port()
    process = subprocess.Popen([NODE, str(HERE / "bare.js"), str(port)], env=CLEAN)
    try:
        for _ in range(500):
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except OSError:
                time.sleep(0.01)
        yield port
    finally:
        process.terminate()
        process.wait()


def wrk(url, connections, authorization=None, key=None):
    """Requests a second, and the median latency in milliseconds."""
    environment = {**os.environ, **({"BENCH_AUTHORIZATION": authorization} if authorization else {})}
    environment |= {"BENCH_KEY": key} if key else {}
    command = ["wrk", "-t1", f"-c{connections}", f"-d{SECONDS}s", "--latency", "-s", str(HERE / "post.lua"), url]
    output = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in output:
        raise SystemExit(f"{url}: errors under load\n{output}")
    rate = float(re.search(r"Requests/sec:\s*([\d.]+)", output)[1])
    number, unit = re.search(r"50%\s*([\d.]+)(us|ms|s)", output).groups()
    return rate, float(number) * {"us": 0.001, "ms": 1, "s": 1000}[unit]


def row(what, ours, peer, ratio, goal):
    print(f"| {what} | {ours} | {peer} | {ratio} | {goal} |", flush=True)


def head(title):
    print(f"\n### {title}\n\n| what | Wisp | peer | ratio | goal |\n|---|---|---|---|---|", flush=True)


ECHO = "function main(parameters) { return parameters; }"


def throughput():
    head("Warm blocking invocations of a Node echo, beside a bare Node server")
    with serving() as server, bare_node() as bare:
        # The bare server answers many requests at a time in one process, and so does an instance that is allowed to;
        # by default an instance has one run at a time, and several instances share the work.
        server.action("echo-64", "nodejs:default", ECHO, concurrency=64)
        server.action("echo-1", "nodejs:default", ECHO)
        at = f"http://127.0.0.1:{server.port}{NAMESPACE}/actions"
        peer = f"http://127.0.0.1:{bare}/"
        wrk(peer, 64)
        for runs, connections in ((64, 64), (1, 64), (1, 16), (1, 1)):
            ours = f"{at}/echo-{runs}?blocking=true&result=true"
            wrk(ours, connections, server.authorization)
            rounds = [(wrk(ours, connections, server.authorization), wrk(peer, connections)) for _ in range(ROUNDS)]
            rate = statistics.median(us[0] for us, _ in rounds)
            bare_rate = statistics.median(them[0] for _, them in rounds)
            latency = statistics.median(us[1] for us, _ in rounds)
            bare_latency = statistics.median(them[1] for _, them in rounds)
            what = f"{connections} clients, {runs} at a time in an instance"
            goal = ">= 0.60" if connections == 64 else ""
            row(f"{what}, requests/s", f"{rate:.0f}", f"{bare_rate:.0f}", f"{rate / bare_rate:.2f}", goal)
            added = f"+{latency - bare_latency:.3f} ms"
            row(f"{what}, median ms", f"{latency:.3f}", f"{bare_latency:.3f}", added, "")


def listing():
    records = int(os.environ.get("BENCH_RECORDS", "1000000"))
    head("Listing activations over HTTP, with few records and with many")
    with serving("--set", f"retention.count={2 * records}") as server:
        server.action("echo", "nodejs:default", ECHO, concurrency=64)
        url = f"http://127.0.0.1:{server.port}{NAMESPACE}/actions/echo?blocking=true&result=true"
        figures = []
        for wanted in (records // 100, records):
            while (count := server.call("GET", "/activations?count=true")["activations"]) < wanted:
                wrk(url, 64, server.authorization)
            queries = ("limit=30", "count=true", "name=echo&limit=30&skip=1000")
            figures.append((count, [median_of(lambda: server.call("GET", f"/activations?{query}")) for query in queries]))
        (few, before), (many, after) = figures
        for query, small, large in zip(("newest 30", "count", "by name, 30 after 1,000"), before, after):
            what = f"{query}: {many} records beside {few}, median ms"
            row(what, f"{large:.2f}", f"{small:.2f}", f"{large / small:.1f}", "")


def median_of(call, runs=50):
    """Median milliseconds of a call."""
    times = []
    for _ in range(runs):
        begun = time.perf_counter()
        call()
        times.append((time.perf_counter() - begun) * 1000)
    return statistics.median(times)


def syncs(directory):
    """Appends of one record, each with its own fdatasync, a second."""
    with open(Path(directory) / "syncs", "ab", buffering=0) as file:
        count, end = 0, time.perf_counter() + SECONDS
        while time.perf_counter() < end:
            file.write(b"x" * 300)
            os.fdatasync(file.fileno())
            count += 1
    return count / SECONDS


def accept():
    head("Accepting non-blocking invocations durably, beside one fdatasync an invocation")
    # What is accepted faster than it runs is in flight meanwhile.
    with serving("--set", "limits.concurrent_invocations=1000000") as server:
        server.action("echo", "nodejs:default", ECHO)
        url = f"http://127.0.0.1:{server.port}{NAMESPACE}/actions/echo"
        directory = Path(server.log.name).with_suffix("")
        for connections in (64, 1):
            rounds = []
            for _ in range(ROUNDS):
                before = metric(server, "wisp_store_sync_seconds_count")
                rate = wrk(url, connections, server.authorization)[0]
                served = rate * SECONDS / max(metric(server, "wisp_store_sync_seconds_count") - before, 1)
                settle(server)
                rounds.append((rate, syncs(directory), served))
            rate, peer, served = (statistics.median(column) for column in zip(*rounds))
            goal = ">= 10" if connections == 64 else ""
            row(f"{connections} clients, accepted/s", f"{rate:.0f}", f"{peer:.0f}", f"{rate / peer:.1f}", goal)
            row(f"{connections} clients, accepted by one sync", f"{served:.1f}", "1", f"{served:.1f}", "")


def metric(server, name):
    """The sum of a metric's series."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    connection.request("GET", "/metrics")
    text = connection.getresponse().read().decode()
    return sum(float(value) for value in re.findall(rf"^{name}(?:{{[^}}]*}})? ([\d.e+]+)", text, re.M))


def settle(server):
    """Waits until everything accepted has run."""
    for _ in range(600):
        if metric(server, "wisp_queue_depth") == 0:
            return
        time.sleep(0.1)


def timed(command, environment=CLEAN, **streams):
    begun = time.perf_counter()
    subprocess.run(command, env=environment, check=True, **streams)
    return (time.perf_counter() - begun) * 1000


# The greatest ratio of the medians.
GOALS = {
    ("Python", "stem cell"): "< 1.00",
    ("Node", "stem cell"): "<= 0.10",
    ("Node", "no stem cell"): "<= 1.30",
}


def coldstart():
    head("Cold starts: first invocation of a new action, request to reply, beside starting the bare interpreter")
    kinds = [
        ("Python", "python:default", "def main(args):\n    return args\n", [PYTHON, "-c", "pass"]),
        ("Node", "nodejs:default", ECHO, [NODE, "-e", "0"]),
    ]
    runs = int(os.environ.get("BENCH_COLD_RUNS", "50"))
    for stems, name in ((1, "stem cell"), (0, "no stem cell")):
        kept = {"WISP_WORKER_STEM_CELLS": str(stems), "WISP_WORKER_STEM_CELLS_MOST": str(16 * stems)}
        with serving(environment=kept) as server:
            for language, kind, code, peer in kinds:
                ours, theirs = [], []
                for index in range(runs):
                    action = f"cold-{language}-{index}"
                    server.action(action, kind, code)
                    time.sleep(0.25)  # a stem cell is there again, and the machine is quiet
                    begun = time.perf_counter()
                    server.call("POST", f"/actions/{action}?blocking=true&result=true", {})
                    ours.append((time.perf_counter() - begun) * 1000)
                    theirs.append(timed(peer))
                p50, p99 = statistics.median(ours), statistics.quantiles(ours, n=100)[98]
                bare, bare99 = statistics.median(theirs), statistics.quantiles(theirs, n=100)[98]
                goal = GOALS.get((language, name), "")
                row(f"{language}, {name}, p50 ms", f"{p50:.1f}", f"{bare:.1f}", f"{p50 / bare:.2f}", goal)
                row(f"{language}, {name}, p99 ms", f"{p99:.1f}", f"{bare99:.1f}", f"{p99 / bare99:.2f}", "")


CONFIG = """using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "main", worker = (esModuleText, compatibilityDate = "2026-11-01"))],
  sockets = [(name = "http", address = "unix:SOCKET", http = (), service = "main")]);
"""


def first_reply(program, directory):
    """Milliseconds until a new workerd process, in no sandbox, has answered its first request."""
    path = Path(directory, "socket")
    path.unlink(missing_ok=True)
    module = 'modules = [(name = "main.js", esModule = "export default { fetch() { return Response.json({}) } }")]'
    config = Path(directory, "config.capnp")
    config.write_text(CONFIG.replace("esModuleText", module).replace("SOCKET", str(path)))
    begun = time.perf_counter()
    process = subprocess.Popen([program, "serve", str(config)], env=CLEAN, stdout=subprocess.DEVNULL)
    with socket.socket(socket.AF_UNIX) as connection:
        while connection.connect_ex(str(path)) != 0:
            time.sleep(0.0005)
        connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        connection.recv(1000)
    took = (time.perf_counter() - begun) * 1000
    process.kill()
    process.wait()
    return took


def private(program):
    """Private memory of the processes that run a program, in MB."""
    total = 0
    for rollup in Path("/proc").glob("[0-9]*/smaps_rollup"):
        try:
            if (rollup.parent / "exe").resolve().name == Path(program).name:
                total += sum(int(kb) for kb in re.findall(r"Private_\w+: +(\d+)", rollup.read_text()))
        except OSError:
            pass
    return total / 1024


def isolates():
    program = Path(os.environ.get("WISP_LANGUAGES_WORKERD", ""), "workerd")
    if not program.is_file():
        print("SKIPPED: isolates need workerd: run tests/prepare.sh and set WISP_LANGUAGES_WORKERD", flush=True)
        return
    head("Isolates: first invocation of a new action, request to reply, beside a new workerd process and its first reply")
    runs = int(os.environ.get("BENCH_COLD_RUNS", "50"))
    ours, theirs = [], []
    kept = {"WISP_LANGUAGES_WORKERD": str(program.parent)}
    with serving(environment=kept) as server, tempfile.TemporaryDirectory() as directory:
        for index in range(runs + 1):
            server.action(f"isolate-{index}", "js:isolate", "export function main(args) { return args; }")
            begun = time.perf_counter()
            server.call("POST", f"/actions/isolate-{index}?blocking=true&result=true", {})
            took = (time.perf_counter() - begun) * 1000
            if index == 0:  # this one has started the namespace's process
                print(f"first of the namespace, with its process: {took:.1f} ms", flush=True)
                before = private("workerd")
                continue
            ours.append(took)
        memory = (private("workerd") - before) / runs
        for _ in range(runs):
            theirs.append(first_reply(str(program), directory))
    for name, pick in (("p50", statistics.median), ("p99", lambda times: statistics.quantiles(times, n=100)[98])):
        row(f"isolate, {name} ms", f"{pick(ours):.1f}", f"{pick(theirs):.1f}", f"{pick(ours) / pick(theirs):.2f}", "< 0.2")
    row("private memory of an idle isolate, MB", f"{memory:.1f}", "", "", "")


def forked():
    """Python instances from zygotes: from the moment before the request to the function's first line of its own."""
    packages = os.environ.get("WISP_LANGUAGES_PYTHON_PACKAGES")
    if not packages:
        raise SystemExit("WISP_LANGUAGES_PYTHON_PACKAGES names no packages: run by `make bench-coldstart`")
    head("Python from a zygote: request to the first line of the function, beside running the bare interpreter")
    # The clock is the machine's own: what the function reads can be compared with what is read here.
    tell = "import time\nFIRST = time.clock_gettime(time.CLOCK_MONOTONIC)\ndef main(args):\n    return {'first': FIRST}\n"
    cases = [("plain", tell, "pass", 3, 3), ("numpy and pandas", "import numpy, pandas\n" + tell, "import numpy, pandas", 200, 50)]
    runs = int(os.environ.get("BENCH_COLD_RUNS", "50"))
    bare = {**CLEAN, "PYTHONPATH": packages}
    for stems, way in ((1, "from the stock"), (0, "by a fresh fork")):
        kept = {"WISP_WORKER_STEM_CELLS": str(stems), "WISP_WORKER_STEM_CELLS_MOST": str(16 * stems)}
        with serving(environment={**kept, "WISP_LANGUAGES_PYTHON_PACKAGES": packages}) as server:
            for what, code, peer, *goals in cases:
                ours, theirs = [], []
                for index in range(-3, runs):
                    action = f"forked-{len(code)}-{index + 3}"
                    server.action(action, "python:default", code)
                    time.sleep(0.25)
                    begun = time.clock_gettime(time.CLOCK_MONOTONIC)
                    reply = server.call("POST", f"/actions/{action}?blocking=true&result=true", {})
                    # The first ones teach what the code imports, start the zygote and fill the stock.
                    if index >= 0:
                        ours.append((reply["first"] - begun) * 1000)
                        theirs.append(timed([PYTHON, "-c", peer], bare))
                goal = f"<= 1/{goals[0 if stems else 1]}"
                for name, at in (("p50", 49), ("p99", 98)):
                    us, them = (statistics.quantiles(times, n=100)[at] for times in (ours, theirs))
                    row(f"{what}, {way}, {name} ms", f"{us:.2f}", f"{them:.1f}", f"1/{them / us:.0f}", goal if at == 49 else "")
                if not stems:
                    continue
                child, alone = (statistics.median(sizes) for sizes in (children(), [bare_private(peer, bare) for _ in range(3)]))
                row(f"{what}, private MB of an idle instance", f"{child:.1f}", f"{alone:.1f}", f"1/{alone / child:.1f}", "<= 1/4")


def children():
    """Private memory in MB of each process that a zygote has forked into a sandbox of its own."""
    sizes = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            forked = b"/zygote.py" in (process / "cmdline").read_bytes()
            inside = len(re.search(r"NSpid:(.*)", (process / "status").read_text())[1].split()) > 1
            if forked and inside:
                sizes.append(private_of(process))
        except OSError:
            pass
    return sizes


def bare_private(code, environment):
    """Private memory in MB of a bare interpreter that has run this."""
    command = [PYTHON, "-c", f"{code}\nprint(flush=True)\ninput()"]
    process = subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    process.stdout.readline()
    size = private_of(Path(f"/proc/{process.pid}"))
    process.communicate(b"\n")
    return size


def private_of(process):
    return sum(map(int, re.findall(r"Private_\w+:\s*(\d+)", (process / "smaps_rollup").read_text()))) / 1024


def idle():
    head("An idle server")
    with serving() as server:
        time.sleep(3)
        status = Path(f"/proc/{server.process.pid}/status").read_text()
        resident = int(re.search(r"VmRSS:\s*(\d+)", status)[1]) / 1024
        row("resident, MB", f"{resident:.0f}", "", "", "< 60")
        row("process start to first answer, ms", f"{server.first_answer * 1000:.0f}", "", "", "< 300")


def memory():
    import instances

    instances.memory()


def roundrobin():
    import instances

    instances.roundrobin()


def images():
    from images import images

    images()


def programs():
    from programs import programs

    programs()


def web():
    head("A web action beside the plain invocation of the same function, and an API with a key beside the web action")
    with serving() as server:
        annotations = [{"key": "web-export", "value": True}]
        server.call("PUT", "/actions/web?overwrite=true", {"exec": {"kind": "nodejs:default", "code": ECHO}, "annotations": annotations})
        base = f"http://127.0.0.1:{server.port}"
        plain = f"{base}{NAMESPACE}/actions/web?blocking=true&result=true"
        target = f"{base}/api/v1/web/guest/default/web.json"
        key = "0123456789abcdef0123456789abcdef"
        operation = {"x-openwhisk": {"namespace": "_", "package": "", "action": "web", "url": "http://any/web.json"}}
        swagger = {
            "swagger": "2.0",
            "basePath": "/bench",
            "info": {"title": "bench", "version": "1"},
            "x-wisp": {"requireKey": True, "rate": "1000000000/second"},
            "paths": {"/echo": {"post": operation}},
        }
        server.manage("createApi", {"apidoc": {"namespace": "_", "swagger": swagger}})
        server.manage("createKey", {"basepath": "/bench", "name": "bench", "key": key})
        api = f"{base}/gw/guest/bench/echo"
        wrk(plain, 64, server.authorization)
        wrk(target, 64)
        for connections in (64, 1):
            rounds = [
                (wrk(plain, connections, server.authorization)[0], wrk(target, connections)[0], wrk(api, connections, key=key)[0])
                for _ in range(ROUNDS)
            ]
            invoked, called, gated = (statistics.median(column) for column in zip(*rounds))
            goals = (">= 0.85", ">= 0.90") if connections == 64 else ("", "")
            row(f"web action, {connections} clients, requests/s", f"{called:.0f}", f"{invoked:.0f}", f"{called / invoked:.2f}", goals[0])
            row(f"API with key and rate, {connections} clients, requests/s", f"{gated:.0f}", f"{called:.0f}", f"{gated / called:.2f}", goals[1])


def fires():
    import events

    events.fires()


def sources():
    import events

    events.sources()


BENCHES = {
    "throughput": throughput,
    "accept": accept,
    "listing": listing,
    "coldstart": coldstart,
    "isolates": isolates,
    "forked": forked,
    "images": images,
    "programs": programs,
    "memory": memory,
    "roundrobin": roundrobin,
    "idle": idle,
    "web": web,
    "fires": fires,
    "sources": sources,
}

if __name__ == "__main__":
    for chosen in sys.argv[1:] or BENCHES:
        BENCHES[chosen]()
