"""A container image with this machine's Python, which speaks OpenWhisk's protocol: attacks run in it as in any other image.

It has no user, so that code in it is root, as far as its sandbox goes.
"""

import io
import os
import re
import subprocess
import sys
import sysconfig
import tarfile
from pathlib import Path

NAME = "hostile/python:1"
SERVER = "/server.py"
# Parts of the standard library that no attack needs.
LEFT_OUT = {"__pycache__", "test", "idlelib", "tkinter", "lib2to3", "ensurepip", "turtledemo", "dist-packages", "site-packages"}

# What answers inside. The code of an action finds the connection of its run under the name `connection`.
SERVING = '''
import json, os, sys, traceback
from http.server import BaseHTTPRequestHandler, HTTPServer

MARK = "XXX_THE_END_OF_A_WHISK_ACTIVATION_XXX"
scope = {}

class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        status, answer = 200, {}
        try:
            if self.path == "/init":
                exec(compile(body["value"]["code"], "action", "exec"), scope)
            else:
                os.environ["__OW_API_HOST"] = os.environ.get("__OW_API_HOST", "")
                scope["connection"] = self
                answer = scope["main"](body["value"])
        except Exception as error:
            traceback.print_exc()
            status, answer = 502, {"error": repr(error)}
        for stream in (sys.stdout, sys.stderr):
            print(MARK, file=stream, flush=True)
        content = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass

HTTPServer(("", int(os.environ["PORT"])), Handler).serve_forever()
'''


def libraries(programs):
    """The shared objects that these need, the loader among them."""
    told = subprocess.run(["ldd", *programs], capture_output=True, text=True, check=True).stdout
    return {path for path in re.findall(r"(/\S+) \(0x", told)}


def archive(path):
    """Writes the image's root."""
    program = os.path.realpath(sys.executable)
    standard = Path(sysconfig.get_path("stdlib"))
    extensions = [str(file) for file in (standard / "lib-dynload").glob("*.so")]
    with tarfile.open(path, "w") as tar:
        for place in {program, *libraries([program, *extensions])}:
            tar.add(os.path.realpath(place), place.lstrip("/"))
        tar.add(standard, str(standard).lstrip("/"), filter=lambda entry: None if LEFT_OUT & set(entry.name.split("/")) else entry)
        for place in ("/bin/busybox", "/bin/sh"):
            tar.add("/bin/busybox", place.lstrip("/"))
        for name, text, mode in ((SERVER, SERVING, 0o644), ("/secret", "the image's own", 0o600), ("/privileged", "#!/bin/sh\n", 0o6755)):
            entry = tarfile.TarInfo(name.lstrip("/"))
            entry.size, entry.mode = len(text), mode
            tar.addfile(entry, io.BytesIO(text.encode()))
    return [program, "-u", SERVER]
