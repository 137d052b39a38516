"""WebAssembly: a component that is compiled already, beside `wasmtime serve`, which runs each request in a fresh instance, too."""

import base64
import http.client
import json
import os
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

from bench import CLEAN, free_port, head, row, serving

BODY = {"n": 1}


class Peer:
    """A `wasmtime serve` in no sandbox, of a component that `wasmtime compile` has compiled."""

    def __init__(self, program, compiled):
        self.port = free_port()
        command = [program, "serve", "-Scli", "--allow-precompiled", "--addr", f"127.0.0.1:{self.port}", str(compiled)]
        self.process = subprocess.Popen(command, env=CLEAN, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.connection = None

    def reply(self):
        """Waits until it answers."""
        while True:
            try:
                self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
                return self.ask()
            except ConnectionRefusedError:
                if self.process.poll() is not None:
                    raise SystemExit("wasmtime serve has ended") from None
                time.sleep(0.0005)

    def ask(self):
        self.connection.request("POST", "/", json.dumps(BODY), {"Content-Type": "application/json"})
        answer = json.loads(self.connection.getresponse().read())
        if answer != BODY:
            raise SystemExit(f"wasmtime serve answered {answer}")

    def stop(self):
        self.process.kill()
        self.process.wait()


def took(call, *arguments):
    begun = time.perf_counter()
    call(*arguments)
    return (time.perf_counter() - begun) * 1000


def compare(what, ours, theirs, goal):
    for name, at in (("p50", 49), ("p99", 98)):
        us, them = (statistics.quantiles(times, n=100)[at] for times in (ours, theirs))
        row(f"{what}, {name} ms", f"{us:.2f}", f"{them:.2f}", f"{us / them:.2f}", goal if at == 49 else "")


def programs():
    program, component = (Path(os.environ.get(name, "")) for name in ("BENCH_WASMTIME", "BENCH_COMPONENT"))
    if not (program.is_file() and component.is_file()):
        print("SKIPPED: WebAssembly needs wasmtime and a component: run by bench/run.sh programs", flush=True)
        return
    runs = int(os.environ.get("BENCH_COLD_RUNS", "50"))
    code = base64.b64encode(component.read_bytes()).decode()
    with serving() as server, tempfile.TemporaryDirectory() as directory:
        compiled = Path(directory, "component.cwasm")
        subprocess.run([program, "compile", component, "-o", compiled], check=True, env=CLEAN)

        def invoke(name):
            answer = server.call("POST", f"/actions/{name}?blocking=true&result=true", BODY)
            if answer != BODY:
                raise SystemExit(f"{name} answered {answer}")

        def first(program, compiled):
            peer = Peer(program, compiled)
            try:
                return took(peer.reply)
            finally:
                peer.stop()

        # The first action of the namespace compiles the component.
        server.action("compiles", "wasm", code)
        invoke("compiles")
        head("WebAssembly: first invocation of a new action, its component compiled, beside a new `wasmtime serve` and its first reply")
        ours, theirs = [], []
        for index in range(runs):
            server.action(f"component-{index}", "wasm", code)
            time.sleep(0.1)
            ours.append(took(invoke, f"component-{index}"))
            theirs.append(first(program, compiled))
        compare("component, first request", ours, theirs, "<= 1.00")
        head("WebAssembly: an activation in a fresh instance, beside a request to a `wasmtime serve` that runs")
        peer = Peer(program, compiled)
        try:
            peer.reply()
            ours, theirs = [], []
            for _ in range(40 * runs):
                ours.append(took(invoke, "component-0"))
                theirs.append(took(peer.ask))
            compare("component, one request", ours, theirs, "<= 1.00")
        finally:
            peer.stop()
        memory(server, code)


def memory(server, code):
    """Private memory of what runs the programs, for each that waits."""
    from instances import private, running

    count = int(os.environ.get("BENCH_IDLE_PROGRAMS", "200"))

    def hosts():
        found = [private(process) for process in running(server, "wasm")]
        if not found:
            raise SystemExit("no process that runs WebAssembly was found (the sandboxes' users are seen by root only)")
        return sum(found)

    before = hosts()
    for index in range(count):
        server.action(f"idle-{index}", "wasm", code)
        server.call("POST", f"/actions/idle-{index}?blocking=true&result=true", BODY)
    each = (hosts() - before) / count
    bare = subprocess.Popen([os.environ.get("PYTHON", "/usr/bin/python3"), "-c", "input()"], env=CLEAN, stdin=subprocess.PIPE)
    time.sleep(0.5)
    alone = private(bare.pid)
    bare.communicate(b"\n")
    row("private memory of an idle instance beside a bare Python interpreter, MB", f"{each:.3f}", f"{alone:.1f}", f"1/{alone / max(each, 0.001):.0f}", "<= 1/100")
