"""Runs inside the sandbox: takes the action's code once, then calls its function for each run.

Frames over descriptor 3, both ways: u32 length of the rest (little endian), u8 kind, 8 bytes token, payload.
"""

import json
import os
import sys
import types

DESCRIPTOR = 3
HEADER = 13
NONE = bytes(8)
INIT, MORE, STOP, REHEARSE = 1, 3, 4, 8
READY, DONE, RESULT, FAILURE, IMPORTS, HEAD, CHUNK = 1, 2, 3, 4, 8, 9, 10
PIECE = 65536
ROOT = "/action"
FILE = "__main__.py"
# What such a file is called in an archive that was made for Azure Functions.
APP = "function_app.py"
PACKAGES = "/packages"
REQUIREMENTS = "/requirements"
# Whether all that the first request needs is loaded; a zygote's children are so from birth.
WARM = False


class Channel:
    """The socket to the worker."""

    def __init__(self):
        self.rest = b""

    def fill(self, size):
        """Waits until that many bytes are there; false when the worker has gone."""
        while len(self.rest) < size:
            chunk = os.read(DESCRIPTOR, max(65536, size - len(self.rest)))
            if not chunk:
                return False
            self.rest += chunk
        return True

    def read(self):
        """Waits for a frame: its kind, token and text; None when the worker has gone."""
        if not self.fill(HEADER):
            return None
        size = 4 + int.from_bytes(self.rest[:4], "little")
        if not self.fill(size):
            return None
        data, self.rest = self.rest[:size], self.rest[size:]
        return data[4], data[5:HEADER], data[HEADER:]

    def write(self, kind, token, text):
        """Sends a frame."""
        self.write_bytes(kind, token, text.encode("utf-8", "replace"))

    def write_bytes(self, kind, token, body):
        """Sends a frame of bytes that are no text."""
        data = (9 + len(body)).to_bytes(4, "little") + bytes((kind,)) + token + body
        while data:
            data = data[os.write(DESCRIPTOR, data) :]


def show_source(code):
    """Lets tracebacks show lines of code that came as text."""
    import linecache

    linecache.cache[FILE] = (len(code), None, code.splitlines(True), FILE)


def load_text(code):
    """A module from code that came as text."""
    module = types.ModuleType("main__")
    module.__file__ = FILE
    sys.modules["main__"] = module
    try:
        exec(compile(code, FILE, "exec"), module.__dict__)
    except Exception:
        show_source(code)
        raise
    return module


def activate(virtualenv):
    """Puts a virtual environment's packages before the interpreter's own."""
    import glob
    import site

    before = len(sys.path)
    for packages in glob.glob(os.path.join(virtualenv, "lib", "python*", "site-packages")):
        site.addsitedir(packages)
    sys.path[:] = sys.path[before:] + sys.path[:before]
    os.environ["VIRTUAL_ENV"] = sys.prefix = virtualenv
    os.environ["PATH"] = os.path.join(virtualenv, "bin") + os.pathsep + os.environ.get("PATH", "")


def load_directory():
    """A module from the archive that was unpacked at ROOT."""
    import importlib.util

    os.chdir(ROOT)
    paths = [path for path in (os.path.join(ROOT, FILE), os.path.join(ROOT, APP)) if os.path.exists(path)]
    if not paths:
        raise ImportError("Zip file does not include %s at its root." % FILE)
    virtualenv = os.path.join(ROOT, "virtualenv")
    if os.path.isdir(virtualenv):
        activate(virtualenv)
    if os.listdir(REQUIREMENTS):
        sys.path.insert(0, REQUIREMENTS)
    sys.path.insert(0, ROOT)
    spec = importlib.util.spec_from_file_location("main__", paths[0])
    module = importlib.util.module_from_spec(spec)
    sys.modules["main__"] = module
    spec.loader.exec_module(module)
    return module


def load(body):
    """The function that an action's code offers."""
    for key, value in body["environment"]:
        os.environ[key] = value
    code = body["code"]
    module = load_directory() if code is None else load_text(code)
    main = getattr(module, body["main"], None)
    if "azure.durable_functions" in sys.modules:
        main = beside("durable").adopt(module, main, call)
    if not callable(main):
        raise NameError("Action entrypoint '%s' is not a function." % body["main"])
    return main, code


def beside(name):
    """A file of the launcher that few actions need; it is not where modules are found."""
    import importlib.util

    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), name + ".py")
    spec = importlib.util.spec_from_file_location("wisp_" + name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def describe(error):
    """`SyntaxError: invalid syntax`: the last line of a traceback."""
    import traceback

    traceback.print_exc()
    return traceback.format_exception_only(type(error), error)[-1].strip()


def call(main, value):
    """The result of one call; coroutines are awaited."""
    result = main(value)
    if hasattr(result, "__await__"):
        import asyncio

        async def wait():
            return await result

        result = asyncio.run(wait())
    return result


def is_stream(body):
    """Whether a body is a generator, or anything else that gives out one part after another."""
    return hasattr(body, "__next__") or hasattr(body, "__anext__")


def pieces(body):
    """The parts of a body: text as UTF-8, bytes as they are, anything else as a line of JSON."""
    if hasattr(body, "__anext__"):
        import asyncio

        loop = asyncio.new_event_loop()
        chunks = iter(lambda: loop.run_until_complete(anext(body, STREAM_END)), STREAM_END)
    else:
        chunks = body
    for chunk in chunks:
        if isinstance(chunk, str):
            chunk = chunk.encode("utf-8", "replace")
        elif not isinstance(chunk, (bytes, bytearray, memoryview)):
            chunk = (json.dumps(chunk, ensure_ascii=False) + "\n").encode()
        for start in range(0, len(chunk), PIECE):
            yield bytes(chunk[start : start + PIECE])


STREAM_END = object()


def stream(result, channel, token):
    """Sends head and parts of a body, each when the one before has been taken."""
    body = result.pop("body")
    parts = pieces(body)
    streamed = 0
    channel.write(HEAD, token, json.dumps(result, ensure_ascii=False))
    while (channel.read() or (STOP,))[0] == MORE:
        part = next(parts, None)
        if part is None:
            break
        channel.write_bytes(CHUNK, token, part)
        streamed += len(part)
    if hasattr(body, "close"):
        body.close()
    return {**result, "streamed": streamed}


def gather(result):
    """Without somebody who takes parts the body is part of the result: text, or base64 of what is none."""
    body = b"".join(pieces(result["body"]))
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        import base64

        text = base64.b64encode(body).decode("ascii")
    return {**result, "body": text}


def run(main, code, body, channel=None, token=NONE):
    """One run: a frame's kind and text."""
    for key, value in body.items():
        if key != "value":
            os.environ["__OW_" + key.upper()] = value
    reader = None
    if "body" in body:
        reader = body["value"]["__ow_body"] = beside("body").reader(channel, token)
    try:
        result = call(main, body["value"])
        if isinstance(result, dict) and is_stream(result.get("body")):
            result = stream(dict(result), channel, token) if "stream" in body else gather(result)
    except Exception as error:
        if code is not None:
            show_source(code)
        describe(error)
        result = {"error": str(error)}
    if reader:
        reader.close()
    if not isinstance(result, (dict, list, tuple)):
        return FAILURE, "The action did not return a dictionary or array."
    try:
        return RESULT, json.dumps(result, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        return FAILURE, "The action's result cannot be written as JSON: " + describe(error)


def imported(before):
    """Which of the platform's packages were imported since."""
    names = {name.partition(".")[0] for name in set(sys.modules) - before}
    places = ((name, getattr(sys.modules.get(name), "__spec__", None)) for name in names)
    return [name for name, spec in places if str(getattr(spec, "origin", "")).startswith(PACKAGES + "/")]


def serve(channel):
    """Initialisation, then runs, until the worker goes."""
    main = code = None
    # What is imported at initialisation and by the first run is told, if nobody knows it yet. Only then are the modules
    # looked at: each look writes to memory that is shared with a zygote.
    before, tells = (), 0
    while True:
        frame = channel.read()
        if frame is None:
            return
        kind, token, text = frame
        if kind == REHEARSE:
            warm()
            continue
        body = json.loads(text)
        if kind == INIT:
            if body["learn"]:
                before, tells = set(sys.modules), 2
            try:
                main, code = load(body)
                reply = DONE, ""
            except Exception as error:
                reply = FAILURE, "Initialization has failed due to: " + describe(error)
        else:
            reply = run(main, code, body, channel, token)
        if tells:
            tells -= 1
            channel.write(IMPORTS, token, json.dumps(imported(before)))
        # Whatever the function wrote must be in the pipes before the reply is.
        sys.stdout.flush()
        sys.stderr.flush()
        channel.write(reply[0], token, reply[1])


def offer_packages():
    """Lets the platform's packages be imported, after everything else."""
    if os.path.isdir(PACKAGES) and PACKAGES not in sys.path:
        sys.path.append(PACKAGES)


def warm():
    """Loads, once, what the first request would need: a zygote for its children, a stem cell because it waits anyway."""
    global WARM
    if WARM:
        return
    WARM = True
    run(load_text("def main(value): return value").main, None, {"value": json.loads("{}")})


def main():
    """The life of an instance."""
    os.set_inheritable(DESCRIPTOR, False)
    # A line is in the log when it is written, also if the function is ended at its deadline.
    sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace", line_buffering=True)
    sys.stderr.reconfigure(encoding="utf-8", errors="backslashreplace", line_buffering=True)
    channel = Channel()
    channel.write(READY, NONE, "")
    offer_packages()
    serve(channel)


if __name__ == "__main__":
    main()
