"""Measures durable workflows beside Restate, Durable Task and DBOS in one run, and prints ratios.

    bench/workflows/run.sh [sequence|fan|processor|idle|parked|throughput|length|stored|timers|functions]...

Everything when nothing is named. Rounds are interleaved, figures are medians: the machine may be shared, the ratios hold.
BENCH_ROUNDS is how often each workflow is run.
"""

import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE.parent))
from bench import head, row, serving  # noqa: E402
from flows import Flows, Runner, SLEEP_STEP, branches, cpu, fan, loop, passes, sequence, task, chain  # noqa: E402
from peers import peers  # noqa: E402

ROUNDS = int(os.environ.get("BENCH_ROUNDS", "30"))
SECONDS = int(os.environ.get("BENCH_SECONDS", "5"))
OUTPUT = Path(os.environ.get("BENCH_OUTPUT", "."))
ITEMS = {"items": list(range(80))}
ECHO = "/whisk.system/utils/echo"


@contextmanager
def platform(*flags):
    with serving(*flags) as server:
        yield Flows(server)


def interleave(runners, rounds=ROUNDS):
    """Runs each so often, in turn; the first runs, which warm up, do not count."""
    for _ in range(3):
        for runner in runners.values():
            runner()
    for runner in runners.values():
        runner.took.clear()
    for _ in range(rounds):
        for runner in runners.values():
            runner()
    return {name: runner.median() for name, runner in runners.items()}


def compare(what, ours, theirs, goal=""):
    row(what, f"{ours:.1f}", f"{theirs:.1f}", f"{ours / theirs:.2f}", goal)


def sequence_rows():
    head("A sequence of 40 steps that do nothing, median ms until the caller knows")
    with platform() as flows, peers("restate", "durabletask", "dbos") as others:
        def machine(name, action="step", level="strict"):
            arn = flows.machine(name, sequence(40, action), level=level)
            return Runner(lambda expected: flows.run(arn, None, expected))

        express = flows.machine("express", sequence(40), kind="EXPRESS")
        express_own = flows.machine("express-own", sequence(40, ECHO), kind="EXPRESS")
        took = interleave({
            "strict": machine("strict"),
            "speculative": machine("speculative", level="speculative"),
            "express": Runner(lambda _: flows.run_express(express)),
            "strict-own": machine("strict-own", ECHO),
            "speculative-own": machine("speculative-own", ECHO, "speculative"),
            "express-own": Runner(lambda _: flows.run_express(express_own)),
            "restate": Runner(lambda _: others["restate"].run("sequence", 40)),
            "calls": Runner(lambda _: others["restate"].run("calls", 40)),
            "durabletask": Runner(lambda _: others["durabletask"].run("sequence", 40)),
            "dbos": Runner(lambda _: others["dbos"].run("sequence", 40)),
        })
        goals = {"strict": "<= 1.00", "speculative": "<= 0.50", "express": "<= 0.25"}
        for level, goal in goals.items():
            compare(f"{level}, Node functions in sandboxes, beside Restate's ctx.run", took[level], took["restate"], goal)
        for level, goal in goals.items():
            compare(f"{level}, actions of the platform's own process, beside Restate's ctx.run", took[f"{level}-own"], took["restate"], goal)
        compare("strict, Node functions, beside Restate's durable calls", took["strict"], took["calls"])
        compare("strict, Node functions, beside DBOS on PostgreSQL", took["strict"], took["dbos"])
        compare("speculative, Node functions, beside Durable Task in memory", took["speculative"], took["durabletask"])


def fan_rows():
    head("80 tasks at once that do nothing, and their join, median ms until the caller knows")
    with platform() as flows, peers("restate", "durabletask", "dbos") as others:
        each, parallel = flows.machine("map", fan(80)), flows.machine("parallel", branches(80))
        took = interleave({
            "map": Runner(lambda expected: flows.run(each, ITEMS, expected)),
            "parallel": Runner(lambda expected: flows.run(parallel, None, expected)),
            "restate": Runner(lambda _: others["restate"].run("fan", 80)),
            "durabletask": Runner(lambda _: others["durabletask"].run("fan", 80)),
        })
        dbos = Runner(lambda _: others["dbos"].run("fan", 80))
        for _ in range(5):
            dbos()
        compare("Map, beside Restate's durable calls", took["map"], took["restate"], "<= 0.35")
        compare("Parallel, beside Restate's durable calls", took["parallel"], took["restate"], "<= 0.35")
        compare("Parallel, beside Durable Task in memory", took["parallel"], took["durabletask"])
        compare("Parallel, beside DBOS on PostgreSQL", took["parallel"], dbos.median())


def processor():
    head("Processor time of the server's process, µs a step; functions and handlers are other processes")
    with platform() as flows, peers("restate") as others:
        restate, steps = others["restate"], 400
        ours, theirs = flows.server.process.pid, restate.server.pid

        def spent(process, run, count):
            run()
            before = cpu(process)
            for _ in range(5):
                run()
            return (cpu(process) - before) / 5 / count * 1e6

        def slowly(name, definition, given=None, level="strict"):
            arn = flows.machine(name, definition, level=level)
            return lambda: flows.finish(flows.start(arn, given))

        run, call = (spent(theirs, lambda: restate.run(handler, steps), steps) for handler in ("sequence", "calls"))
        for level, goal in (("strict", "<= 150"), ("speculative", "<= 150")):
            own = spent(ours, slowly(level, sequence(steps), level=level), steps)
            row(f"Task, {level}, Node function, beside ctx.run", f"{own:.0f}", f"{run:.0f}", f"{own / run:.2f}", goal)
        for level in ("strict", "speculative"):
            own = spent(ours, slowly(f"{level}-own", sequence(steps, ECHO), level=level), steps)
            row(f"Task, {level}, action of the platform's own process, beside ctx.run", f"{own:.0f}", f"{run:.0f}", f"{own / run:.2f}", "<= 150")
        own = spent(ours, slowly("wide", branches(400)), 400)
        row("Task of a Parallel, beside a durable call", f"{own:.0f}", f"{call:.0f}", f"{own / call:.2f}", "<= 150")
        own = spent(ours, slowly("passes", passes(4000)), 4000)
        row("Pass state", f"{own:.1f}", "", "", "<= 60")


def wrk(url, connections, script, environment, seconds=SECONDS):
    """How many requests were answered, and how many a second."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", str(HERE / script), url]
    output = subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in output:
        raise SystemExit(f"{url}: errors under load\n{output}")
    return int(re.search(r"(\d+) requests in", output)[1]), float(re.search(r"Requests/sec:\s*([\d.]+)", output)[1])


def start_many(flows, arn, connections=64, seconds=SECONDS):
    """How many executions were started, by clients that begin the next as soon as one is durable."""
    environment = {"BENCH_AUTHORIZATION": flows.server.authorization, "BENCH_MACHINE": arn, "BENCH_INPUT": "{}"}
    return wrk(f"http://127.0.0.1:{flows.server.port}/", connections, "start.lua", environment, seconds)[0]


def throughput():
    head("Executions of one step a second, 64 clients, from the first start to the last end")
    # What is started faster than it runs is open meanwhile.
    with platform() as flows, peers("restate") as others:
        rows = {"strict, Node function": ("strict", "step"), "speculative, Node function": ("speculative", "step"), "strict, own action": ("strict", ECHO)}
        arns = {what: flows.machine(f"one{index}", sequence(1, action), level=level) for index, (what, (level, action)) in enumerate(rows.items())}
        rates = {what: [] for what in (*rows, "restate")}
        url = f"http://127.0.0.1:{others['restate'].port}/flow/sequence"
        for counts in (False, True, True, True):
            for what, arn in arns.items():
                before, begun = flows.ended(), time.perf_counter()
                count = start_many(flows, arn)
                while flows.ended() - before < count:
                    time.sleep(0.02)
                rate = count / (time.perf_counter() - begun)
                rates[what] += [rate] if counts else []
            rate = wrk(url, 64, "restate.lua", {})[1]
            rates["restate"] += [rate] if counts else []
        theirs = statistics.median(rates["restate"])
        for what in rows:
            ours = statistics.median(rates[what])
            row(what, f"{ours:.0f}", f"{theirs:.0f}", f"{ours / theirs:.2f}", ">= 3")


def idle():
    head("A server with 1,000 executions that wait, and nothing else to do")
    with platform() as flows:
        arn = flows.machine("wait", chain([{"Type": "Wait", "Seconds": 99_999_999}]))
        for _ in range(1000):
            flows.start(arn)
        time.sleep(10)
        before = cpu(flows.server.process.pid)
        time.sleep(30)
        spent = (cpu(flows.server.process.pid) - before) / 30 * 1000
        row("processor, ms a second", f"{spent:.2f}", "", "", "< 2")


def parked():
    count = int(os.environ.get("BENCH_PARKED", "100000"))
    head(f"{count} executions that wait")
    with platform() as flows:
        arn = flows.machine("wait", chain([{"Type": "Wait", "Seconds": 99_999_999}]))
        server, process = flows.server, flows.server.process.pid
        data, memory = size(server.directory), resident(process)
        made, begun = 0, time.perf_counter()
        while made < count:
            made += start_many(flows, arn, seconds=2)
        took = time.perf_counter() - begun
        grown = resident(process) - memory
        server.stop()
        disk = size(server.directory) - data
        row("bytes on disk for each, after a clean end", f"{disk / made:.0f}", "", "", "< 2048")
        row("bytes in memory for each, as the store's tables fill", f"{grown / made:.0f}", "", "", "")
        row("started a second", f"{made / took:.0f}", "", "", "")


def size(directory):
    return sum(path.stat().st_blocks * 512 for path in Path(directory).rglob("*") if path.is_file())


def resident(process):
    return int(re.search(r"VmRSS:\s*(\d+)", Path(f"/proc/{process}/status").read_text())[1]) * 1024


def length():
    head("One execution of ever more steps: ms and processor µs a step")
    points = []
    with platform("--set", "workflows.history_events=10000000") as flows:
        process = flows.server.process.pid
        counted, mapped = flows.machine("loop", loop()), flows.machine("map", fan(0))
        for arn, name, given in (
            (counted, "one after the other", lambda count: {"n": 0, "to": count}),
            (mapped, "items of a Map", lambda count: {"items": list(range(count))}),
        ):
            flows.run(arn, given(10))
            first = None
            for count in (10, 100, 1000, 10_000):
                repeats = max(1, 1000 // count)
                before, begun = cpu(process), time.perf_counter()
                for _ in range(repeats):
                    flows.finish(flows.start(arn, given(count)), 0.02)
                spent = (cpu(process) - before) / repeats / count * 1e6
                took = (time.perf_counter() - begun) / repeats / count * 1000
                points.append((name, count, took, spent))
                first = first or spent
                row(f"{count} steps, {name}", f"{took:.2f} ms, {spent:.0f} µs", "", f"{spent / first:.2f}", "flat")
    plot("workflow-length.svg", "steps of one execution", points)


def stored():
    most = int(os.environ.get("BENCH_STORED", "100000"))
    head("Executions of 40 steps with ever more executions stored: ms and processor µs a step")
    points = []
    with platform() as flows:
        process = flows.server.process.pid
        measured, filler = flows.machine("measured", sequence(40)), flows.machine("filler", passes(1))
        flows.run(measured)
        there, wanted, first = 1, 1, None
        while wanted <= most:
            while there < wanted:
                there += start_many(flows, filler, 64 if wanted > 1000 else 1, 1)
            time.sleep(1)
            runs = [flows.run(measured, None, 30) for _ in range(ROUNDS)]
            before = cpu(process)
            for _ in range(ROUNDS):
                flows.finish(flows.start(measured))
            spent = (cpu(process) - before) / ROUNDS / 40 * 1e6
            took = statistics.median(runs) / 40
            points.append(("one after the other", there, took, spent))
            first = first or spent
            row(f"{there} stored", f"{took:.2f} ms, {spent:.0f} µs", "", f"{spent / first:.2f}", "flat")
            there, wanted = there + 2 * ROUNDS, wanted * 10
    plot("workflow-stored.svg", "executions stored", points)


def plot(name, what, points):
    """Draws it by matplotlib, in the environment that has it."""
    code = "import json, sys; sys.path.insert(0, sys.argv[1]); from plot import draw; draw(*json.load(sys.stdin))"
    text = json.dumps([str(OUTPUT / name), what, points])
    subprocess.run([Path(os.environ["BENCH_PEERS"]) / "venv/bin/python", "-c", code, str(HERE)], input=text, text=True, check=True)


def timers():
    head("Timers of an idle server: ms that a Wait of one second ends late")
    with platform() as flows:
        arn = flows.machine("second", chain([{"Type": "Wait", "Seconds": 1}]))
        late = []
        for _ in range(ROUNDS):
            execution = flows.start(arn)
            time.sleep(1.2)
            entered, exited = (next(event["timestamp"] for event in flows.history(execution) if event["type"] == kind) for kind in ("WaitStateEntered", "WaitStateExited"))
            late.append((exited - entered) * 1000 - 1000)
        row("median", f"{statistics.median(late):.1f}", "", "", "")
        row("worst", f"{max(late):.1f}", "", "", "<= 10")


def functions():
    head("80 tasks of 100 ms at once beside one such task, median ms")
    flags = ("--set", "worker.memory=65536", "--set", "limits.concurrent_invocations=1000")
    with platform(*flags) as flows:
        flows.server.action("many", "nodejs:default", SLEEP_STEP, concurrency=80)
        flows.server.action("single", "nodejs:default", SLEEP_STEP, memory=128)
        for action, what in (("many", "80 runs at a time in an instance"), ("single", "one run at a time in each of 80 instances")):
            wide, one = flows.machine(f"{action}-wide", branches(80, action)), flows.machine(f"{action}-one", sequence(1, action))
            took = interleave({
                "wide": Runner(lambda expected: flows.run(wide, None, expected)),
                "one": Runner(lambda expected: flows.run(one, None, expected)),
            }, 10)
            compare(what, took["wide"], took["one"], "<= 1.30")


BENCHES = {
    "sequence": sequence_rows,
    "fan": fan_rows,
    "processor": processor,
    "throughput": throughput,
    "functions": functions,
    "timers": timers,
    "idle": idle,
    "length": length,
    "stored": stored,
    "parked": parked,
}

if __name__ == "__main__":
    for chosen in sys.argv[1:] or BENCHES:
        BENCHES[chosen]()
