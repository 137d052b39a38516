"""What instances cost while they wait, and what happens when there are far more functions than room for instances."""

import http.client
import json
import os
import re
import statistics
import subprocess
import threading
import time
from pathlib import Path

from bench import CLEAN, ECHO, NAMESPACE, NODE, head, row, serving

# The host's users that sandboxes run as.
USERS = range(200_000, 265_536)
ALIVE = 10


def private(process):
    """Private memory of a process, in MB."""
    rollup = Path(f"/proc/{process}/smaps_rollup").read_text()
    return sum(int(value) for value in re.findall(r"^Private_\w+:\s+(\d+) kB", rollup, re.M)) / 1024


def running(server, program):
    """The processes of a server's sandboxes that execute this program."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            mine = entry.name.isdigit() and entry.stat().st_uid in USERS and below(int(entry.name), server.process.pid)
            if mine and Path(os.readlink(entry / "exe")).name.startswith(program):
                found.append(int(entry.name))
        except OSError:
            pass  # it has just ended
    return found


def below(process, ancestor):
    while process > 1:
        if process == ancestor:
            return True
        process = int(Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[1])
    return False


def memory():
    head(f"Private memory of an idle instance, {ALIVE} alive, beside as many idle bare interpreters")
    with serving(environment={"WISP_WORKER_STEM_CELLS_MOST": "0", "WISP_WORKER_STEM_CELLS": "0"}) as server:
        for index in range(ALIVE):
            server.action(f"idle{index}", "nodejs:default", ECHO)
            server.call("POST", f"/actions/idle{index}?blocking=true&result=true", {})
        time.sleep(3)
        ours = [private(process) for process in running(server, "node")]
    if len(ours) != ALIVE:
        raise SystemExit(f"{len(ours)} instances of {ALIVE} were found (the sandboxes' users are seen by root only)")
    bare = [subprocess.Popen([NODE, "-e", "setInterval(() => {}, 1e9)"], env=CLEAN) for _ in range(ALIVE)]
    time.sleep(3)
    theirs = [private(process.pid) for process in bare]
    for process in bare:
        process.kill()
        process.wait()
    ours, theirs = statistics.median(ours), statistics.median(theirs)
    row("Node, MB", f"{ours:.1f}", f"{theirs:.1f}", f"{ours / theirs:.2f}", "<= 1.00")


def roundrobin():
    """BENCH_POLICIES names settings to compare, such as 'worker.idle_seconds=600 worker.idle_seconds=1'."""
    functions, rounds, clients = (
        int(os.environ.get(name, default))
        for name, default in (("BENCH_FUNCTIONS", 1000), ("BENCH_ROUND_ROBINS", 3), ("BENCH_CLIENTS", 4))
    )
    print(f"\n### {functions} functions one after the other, {clients} clients, 4 GB for instances\n")
    print("| settings | invocations/s | p50 ms | p99 ms | warm / stem / cold | failed |\n|---|---|---|---|---|---|")
    for policy in os.environ.get("BENCH_POLICIES", "").split() or [""]:
        flags = ["--set", "worker.memory=4096"] + (["--set", policy] if policy else [])
        with serving(*flags) as server:
            for index in range(functions):
                server.action(f"f{index}", "nodejs:default", ECHO)
            took, starts, failed = invoke_all(server, functions * rounds, functions, clients)
        rate = len(took) / sum(took) * clients
        p50, p99 = statistics.median(took) * 1000, statistics.quantiles(took, n=100)[98] * 1000
        counts = " / ".join(str(starts.get(start, 0)) for start in ("warm", "stem", "cold"))
        print(f"| {policy or 'defaults'} | {rate:.0f} | {p50:.1f} | {p99:.1f} | {counts} | {failed} |", flush=True)


def invoke_all(server, count, functions, clients):
    """Durations, how many of each start, and how many failed."""
    took, starts, failures, lock = [], {}, [], threading.Lock()
    numbers = iter(range(count))

    def work():
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=90)
        headers = {"Authorization": server.authorization, "Content-Type": "application/json"}
        while True:
            with lock:
                number = next(numbers, None)
            if number is None:
                return
            begun = time.perf_counter()
            path = f"{NAMESPACE}/actions/f{number % functions}?blocking=true"
            connection.request("POST", path, json.dumps({"number": number}), headers)
            response = connection.getresponse()
            record = json.loads(response.read())
            ended = time.perf_counter() - begun
            right = response.status == 200 and record["response"]["result"] == {"number": number}
            annotations = {each["key"]: each["value"] for each in record.get("annotations", [])}
            start = annotations.get("start", {}).get("type", "warm")
            with lock:
                took.append(ended)
                starts[start] = starts.get(start, 0) + 1
                if not right:
                    failures.append(record)

    threads = [threading.Thread(target=work) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        print(f"the first failure: {failures[0]}")
    return took, starts, len(failures)
