"""Hostile functions on a whole platform: what each achieved, what its record says, and that its neighbours are unharmed.

    WISP=path/to/wisp python3 tests/live/hostile [word]     those whose names have the word, or of this topic; all when none is given

The tables are in the other files of this folder, by topic. Every bomb is bounded in count and time by the function itself
too. The server runs in a network namespace of its own, with everything that is probed: nothing leaves the machine.
"""

import base64
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import channel  # noqa: E402
import containers  # noqa: E402
import files  # noqa: E402
import interpreter  # noqa: E402
import isolates  # noqa: E402
import kernel  # noqa: E402
import modules  # noqa: E402
import network  # noqa: E402
import processes  # noqa: E402
import programs  # noqa: E402
import resources  # noqa: E402
import world  # noqa: E402
from harness import KEY, WISP, Server, close  # noqa: E402

SECRET = "the neighbour's secret"
COUNT = "let n = 0; function main() { return { n: ++n }; }"


def enter_network():
    """Goes on in a network namespace of its own, where this user may make one."""
    if os.environ.get("WISP_HOSTILE_NETWORK") == "own":
        return True
    if os.geteuid() != 0 or not all(map(shutil.which, ("unshare", "nsenter", "ip"))):
        return False
    environment = {**os.environ, "WISP_HOSTILE_NETWORK": "own"}
    os.execvpe("unshare", ["unshare", "--net", sys.executable, *sys.argv], environment)


def topics(server, kinds, networked):
    """What there is to attack, and by what."""
    tables = {each.__name__: each.ATTACKS for each in (files, kernel, processes, resources, channel, isolates)}
    probes = {"network": network.ATTACKS}
    if "blackbox" in kinds:
        import_image(server)
        tables["containers"], probes["containers-network"] = containers.ATTACKS, containers.NETWORKED
    else:
        print("SKIPPED: attacks from images: this server runs none", flush=True)
    if "wasm" in kinds and programs.INTRUDER.is_file():
        tables["programs"], probes["programs-network"] = programs.attacks()
    else:
        print("SKIPPED: attacks by WebAssembly need a server that is built with it, and WISP_TEST_INTRUDER (make live)", flush=True)
    return {**tables, **probes} if networked else tables


def import_image(server):
    """Has the server keep the image that attacks run in."""
    root = Path(server.home, "root.tar")
    command = json.dumps(interpreter.archive(root))
    words = ["image", "import", root, "--name", interpreter.NAME, "--command", command, "--data", server.data]
    base = [WISP, "--apihost", f"http://127.0.0.1:{server.port}", "--auth", KEY]
    subprocess.run([*base, *words], check=True, stdout=subprocess.DEVNULL)
    root.unlink()


class Neighbours:
    """Functions that run between the attacks; the one on Node keeps its count as long as nobody harms it."""

    def __init__(self, server, kinds):
        self.server, self.count = server, 0
        self.kinds = {"nodejs:default": "calm"} | ({"js:isolate": "calm-isolate"} if "js:isolate" in kinds else {})
        for kind, name in self.kinds.items():
            server.deploy(name, kind, COUNT)
        if "wasm" in kinds:
            self.kinds["wasm"] = "calm-program"
            server.deploy("calm-program", "wasm", base64.b64encode(modules.writes(b'{"calm":true}')).decode())

    def check(self):
        """What is wrong with them; none if they go on."""
        for name in self.kinds.values():
            response = self.server.invoke(name).get("response", {})
            if not response.get("success"):
                return f"{name}: {json.dumps(response)[:200]}"
            if name == "calm":
                self.count += 1
                if response["result"] != {"n": self.count}:
                    return f"{name} has lost its instance: {response['result']}, not {self.count}"
        return None


def strike(server, name, attack, arguments):
    """Runs an attack; what is wrong with its result or its record, if anything."""
    server.deploy(name, attack.kind, attack.code, image=attack.image, annotations=attack.annotations, **attack.limits)
    activation = server.invoke(name, {**arguments, **attack.arguments})
    id = activation.get("activationId")
    for _ in range(600):
        if activation.get("response"):
            break
        time.sleep(0.1)
        activation = server.call("GET", f"/activations/{id}")[1]
    response = activation.get("response", {})
    status, result = response.get("status"), response.get("result")
    seen = f"{status} {json.dumps(result)[:300]}"
    if result is None or not attack.holds(status, result):
        return seen
    code, record = server.call("GET", f"/activations/{id}")
    if code != 200 or record["response"] != response:
        return f"{seen}, but the record says {code} {json.dumps(record)[:300]}"
    if not attack.logs(record["logs"]):
        return f"{seen}, with the logs {json.dumps(record['logs'])[-300:]}"
    return None


def pending():
    """Signals and timers that the kernel counts as this user's."""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(status["SigQ"].split("/")[0])


def kinds_of(server):
    """The kinds that the server runs."""
    import http.client

    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    connection.request("GET", "/")
    families = json.loads(connection.getresponse().read())["runtimes"]
    return {kind["kind"] for family in families.values() for kind in family}


def beside(server):
    """What is wrong with isolates that run while others of their namespace break their limits, again and again."""
    server.deploy("spins", "js:isolate", "export function main() { for (;;); }", timeout=700)
    server.deploy("hoards", "js:isolate", "export function main() { const all = []; for (;;) all.push(new Array(999)); }", memory=128)
    server.deploy("waits", "js:isolate", "export async function main(p) { await scheduler.wait(p.ms); return { ms: p.ms }; }")
    ends = {"spins": "time limits of 700", "hoards": "exhausted its memory"}
    wrong = []

    def run(name, arguments):
        activation = server.invoke(name, arguments)
        response = activation.get("response", {})
        right = ends[name] in str(response.get("result")) if name in ends else response.get("result") == arguments
        if not right:
            wrong.append(f"{name}: {json.dumps(response)[:200]} {activation.get('logs')}")

    calls = [(name, {"ms": 20 * n}) for n in range(12) for name in ("waits", "waits", "spins" if n % 4 else "hoards")]
    threads = [threading.Thread(target=run, args=call) for call in calls]
    for thread in threads:
        thread.start()
        time.sleep(0.02)
    for thread in threads:
        thread.join()
    return wrong


def main():
    # Results may be deep.
    sys.setrecursionlimit(20_000)
    word = sys.argv[1] if len(sys.argv) > 1 else ""
    networked = enter_network()
    surroundings = world.World() if networked else None
    if not networked:
        print("SKIPPED: attacks on the network need root, ip, unshare and nsenter", flush=True)
    checks, times = {}, []
    with tempfile.TemporaryDirectory(prefix="wisp-hostile-") as home:
        Path(home, "secret").write_text(SECRET)
        server = Server(home)
        server.start()
        arguments = {"home": home, "port": world.PORT, "host": world.HOST, "outside": world.OUTSIDE, "abstract": world.ABSTRACT}
        kinds = kinds_of(server)
        neighbours = Neighbours(server, kinds)
        neighbours.check()
        for topic, attacks in topics(server, kinds, networked).items():
            for index, attack in enumerate(attacks):
                if word not in attack.name and word != topic:
                    continue
                begun = time.monotonic()
                wrong = strike(server, f"{topic}{index}", attack, arguments)
                checks[f"{topic}: {attack.name}: {wrong}"] = wrong is None
                harmed = neighbours.check()
                checks[f"{topic}: {attack.name}: its neighbours go on: {harmed}"] = harmed is None
                times.append((time.monotonic() - begun, attack.name))
        if "js:isolate" in kinds and word in "beside":
            wrong = beside(server)
            checks[f"isolates go on beside others that break their limits ({wrong})"] = not wrong
        if surroundings:
            visits = surroundings.close()
            checks[f"nobody was reached who must not be ({visits} times)"] = visits == 0
        checks[f"the user's pending signals are there for others ({pending()})"] = pending() < 10_000
        checks["the server ends with 0 on SIGTERM"] = server.stop() == 0
    slowest = ", ".join(f"{name} {seconds:.1f} s" for seconds, name in sorted(times, reverse=True)[:5])
    print(f"{len(times)} attacks in {sum(seconds for seconds, _ in times):.0f} s; slowest: {slowest}", flush=True)
    close("hostile", checks)


if __name__ == "__main__":
    main()
