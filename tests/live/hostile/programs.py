"""WebAssembly: what a program may find of its host, of its compiler, and of those that share its process."""

import base64
import os
import subprocess
import tempfile
from pathlib import Path

import modules
import world
from attack import Attack, exhausted, flooded, late, nothing, survives

HERE = Path(__file__).resolve().parent
# The component in `intruder`, which `tests/prepare.sh` compiles: here there is no network to fetch what it depends on.
INTRUDER = Path(os.environ.get("WISP_TEST_INTRUDER", ""))
SMALL = {"memory": 128}


def failed(status, result):
    """It has no result."""
    return status == "action developer error"


def not_reached(status, result):
    return status == "success" and result == {"got": []}


def compile_descriptors():
    with tempfile.TemporaryDirectory() as place:
        program = Path(place) / "descriptors.wasm"
        source = HERE / "intruder" / "descriptors.rs"
        subprocess.run(["rustc", "--edition", "2024", "--target", "wasm32-wasip1", "-O", "-o", program, source], check=True)
        return program.read_bytes()


def wasm(name, code, holds=nothing, **rest):
    """An attack by a program of WebAssembly."""
    return Attack(name, base64.b64encode(code).decode(), holds, kind="wasm", **rest)


def attacks():
    """Compiles what is needed, and lists them."""
    component = INTRUDER.read_bytes()

    def tries(attempt, holds=nothing, name=None, **rest):
        return wasm(name or f"{attempt}, in WebAssembly", component, holds, arguments={"attempt": attempt}, **rest)

    def requests(name, hosts, got):
        return tries("requests", lambda status, result: result == {"got": got}, name, annotations={"wasm-http": hosts}, limits={"timeout": 30000})

    outside = f"{world.OUTSIDE}:{world.PORT}"
    everywhere = ["127.0.0.1", "[::1]", "0.0.0.0", world.HOST, world.OUTSIDE, "169.254.169.254"]
    here = [
        tries("files"),
        tries("directories"),
        tries("environment"),
        wasm("uses descriptors that nobody gave it", compile_descriptors()),
        # memory
        tries("memory", exhausted, limits=SMALL),
        tries("one large memory", lambda status, result: not_reached(status, result) or exhausted(status, result), limits=SMALL),
        wasm("grows its memory", modules.GROWS_MEMORY, exhausted, limits=SMALL),
        wasm("grows its table", modules.GROWS_TABLE, failed, limits=SMALL),
        wasm("begins with all the memory there is", modules.HUGE_MEMORY, failed, limits=SMALL),
        wasm("begins with the largest table", modules.HUGE_TABLE, survives, limits=SMALL),
        wasm("has as many variables as may be", modules.MANY_LOCALS, survives),
        tries("handles", failed),
        tries("timers", failed),
        tries("randomness", failed, limits=SMALL),
        tries("worse randomness", failed, limits=SMALL),
        tries("zeroes", survives, limits=SMALL),
        tries("reading", survives, limits=SMALL),
        # time and the stack
        tries("recursion", failed),
        wasm("recurses without end", modules.RECURSES, failed),
        tries("spin", late(500), limits={"timeout": 500}),
        wasm("spins in a core module", modules.SPINS, late(500), limits={"timeout": 500}),
        wasm("spins when it is instantiated", modules.SPINS_AT_START, late(500), limits={"timeout": 500}),
        tries("sleep", late(700), limits={"timeout": 700}),
        tries("trap", failed),
        # the compiler
        wasm("nests blocks without end", modules.DEEP_BLOCKS, survives, limits={"timeout": 5000}),
        wasm("is one long function", modules.LONG_FUNCTION, survives, limits={"timeout": 60000}),
        wasm("branches everywhere", modules.BRANCHES, survives),
        wasm("is no WebAssembly after its first bytes", b"\0asm\1\0\0\0" + b"\xff" * 100_000, failed),
        wasm("pretends to be compiled already", b"\x7fELF\2\1\1" + b"\0" * 100_000, failed),
        # output and replies
        tries("output", logs=flooded, limits={"logs": 1}),
        tries("line", logs=flooded, limits={"logs": 1}),
        tries("answer twice", lambda status, result: "second" not in str(result)),
        tries("answer an error", lambda status, result: status != "success"),
        tries("no answer", failed),
        tries("endless answer", lambda status, result: status != "success", limits={"timeout": 20000}),
        tries("endless headers", lambda status, result: status != "success", limits={"timeout": 20000}),
        tries("frames", lambda status, result: "forged" not in str(result)),
        tries("marks", lambda status, result: result == {"second": True},
              logs=lambda lines: len(lines) == 6 and not any(line.startswith("2020") for line in lines)),
    ]
    there = [
        tries("sockets"),
        requests("requests of a program that may send none", [], []),
        requests("requests to one host, which it may", [outside], [outside]),
        requests("requests to everybody, which its sandbox does not let through", ["*"], [outside]),
        requests("requests to the host by its addresses", everywhere, [outside]),
    ]
    return here, there
