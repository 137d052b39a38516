"""Hostile functions on a whole platform: what each achieved, what its record says, and that a neighbour is unharmed.

Every bomb is bounded in count and time by the function itself too, and nothing is reached but loopback services that
this test opens.
"""

import json
import os
import socket
import tempfile
import threading
import time

from harness import Server, close

SECRET = "the neighbour's secret"


def python(body):
    return "import os, sys, socket, time, threading, subprocess\ndef main(args):\n" + "\n".join(
        "    " + line for line in body.strip().splitlines()
    )


def listener():
    """A service on the host's loopback interface that counts its visitors."""
    service = socket.create_server(("127.0.0.1", 0))
    visits = []

    def serve():
        while True:
            try:
                connection, peer = service.accept()
            except OSError:
                return
            visits.append(peer)
            connection.sendall(b"host secret")
            connection.close()

    threading.Thread(target=serve, daemon=True).start()
    return service, visits


def attacks(host_port, home):
    """Name, kind, code, limits, and what must hold of status and result."""
    success = "success"
    return [
        ("memory hog", "python:default", python("""
data = []
for _ in range(64):
    data.append(bytearray(32 << 20))
return {"taken": len(data)}"""), {"memory": 128},
         lambda status, result: "exhausted its memory" in str(result)),
        ("memory by /tmp", "python:default", python("""
written = 0
try:
    with open("/tmp/fill", "wb") as file:
        for _ in range(64):
            file.write(b"x" * (32 << 20)); written += 32
except OSError as error:
    return {"written": written, "refused": str(error)}
return {"written": written}"""), {"memory": 128},
         lambda status, result: "exhausted its memory" in str(result) or result.get("refused")),
        ("fork bomb", "python:default", python("""
children, refused = [], 0
for _ in range(3000):
    try:
        pid = os.fork()
    except OSError:
        refused += 1
        break
    if pid == 0:
        time.sleep(20)
        os._exit(0)
    children.append(pid)
return {"children": len(children), "refused": refused}"""), {},
         lambda status, result: (result.get("refused") == 1 and result["children"] < 2000) or status != success),
        ("thread bomb", "python:default", python("""
count = 0
try:
    for _ in range(5000):
        threading.Thread(target=time.sleep, args=(20,), daemon=True).start(); count += 1
except RuntimeError as error:
    return {"threads": count, "refused": str(error)}
return {"threads": count}"""), {}, lambda status, result: "refused" in result or status != success),
        ("descriptor leak", "python:default", python("""
files = []
try:
    for _ in range(100000):
        files.append(open("/dev/null"))
except OSError as error:
    return {"opened": len(files), "refused": str(error)}
return {"opened": len(files)}"""), {}, lambda status, result: "refused" in result and result["opened"] <= 1024),
        ("endless loop", "nodejs:default", "function main() { for (;;); }", {"timeout": 500},
         lambda status, result: "exceeded its time limits of 500 milliseconds" in str(result)),
        ("endless output", "nodejs:default",
         "function main() { const line = 'x'.repeat(1000); for (let i = 0; i < 20000; i++) console.log(line);"
         " return {done: true}; }", {"logs": 1}, lambda status, result: result == {"done": True}),
        ("reads the host's files", "python:default", python(f"""
found = []
for path in ["/etc/shadow", "/root", "/home", "{home}", "/proc/1/environ", "/var/lib", "/sys/kernel"]:
    try:
        found.append([path, os.listdir(path) if os.path.isdir(path) else open(path).read()])
    except OSError:
        pass
return {{"found": [entry for entry in found if entry[1] and "{SECRET}" in str(entry) or entry[0] in ("/etc/shadow", "/root") and entry[1]]}}"""),
         {}, lambda status, result: result == {"found": []}),
        ("writes its root", "python:default", python("""
written = []
for path in ["/x", "/usr/x", "/usr/lib/x", "/etc/x", "/bin/x", "/action/x", "/proc/sys/kernel/hostname"]:
    try:
        open(path, "w").write("x"); written.append(path)
    except OSError:
        pass
return {"written": written}"""), {}, lambda status, result: result == {"written": []}),
        ("sees other processes", "python:default", python("""
names = []
for pid in os.listdir("/proc"):
    if pid.isdigit():
        names.append(open(f"/proc/{pid}/cmdline").read().replace("\\0", " "))
return {"names": names}"""), {}, lambda status, result: len(result["names"]) <= 4 and "serve" not in str(result)),
        ("host loopback service", "python:default", python(f"""
reached = []
for host in ["127.0.0.1", "10.0.2.2", "localhost", "0.0.0.0"]:
    try:
        with socket.create_connection((host, {host_port}), timeout=1) as connection:
            reached.append([host, connection.recv(20).decode()])
    except OSError:
        pass
return {{"reached": [entry for entry in reached if entry[1]]}}"""), {}, lambda status, result: result == {"reached": []}),
        ("kills everything", "python:default", python("""
try:
    os.kill(-1, 9)
except OSError as error:
    return {"refused": str(error)}
return {"killed": True}"""), {}, lambda status, result: True),
        ("becomes root, mounts, traces", "python:default", python("""
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
done = []
for name, call in {
    "setuid": lambda: libc.setuid(0),
    "mount": lambda: libc.mount(b"none", b"/tmp", b"tmpfs", 0, None),
    "unshare": lambda: libc.unshare(0x10000000),
    "ptrace": lambda: libc.ptrace(16, 1, 0, 0),
    "chroot": lambda: libc.chroot(b"/tmp"),
    "mknod": lambda: libc.mknod(b"/tmp/null", 0o20666, 259),
}.items():
    if call() == 0:
        done.append(name)
return {"done": done, "uid": os.getuid()}"""), {},
         lambda status, result: result["done"] == [] and result["uid"] != 0),
        ("forges replies", "python:default", python("""
import struct
for size in (2, 1 << 30):
    try:
        os.write(3, struct.pack(">I", size) + b'{}' + b'{"ok":true}' * 20)
    except OSError:
        pass
return {"mine": True}"""), {}, lambda status, result: status != success or result == {"mine": True}),
        ("closes its descriptors", "nodejs:default",
         "function main() { const fs = require('fs'); for (let fd = 0; fd < 30; fd++) try { fs.closeSync(fd) } catch {}"
         " return {closed: true}; }", {"timeout": 3000}, lambda status, result: True),
        ("deep JSON", "nodejs:default",
         "function main() { let x = {}; for (let i = 0; i < 50000; i++) x = {x}; return x; }", {"timeout": 5000},
         lambda status, result: status != success or isinstance(result, dict)),
        ("leaves a daemon", "python:default", python("""
subprocess.Popen(["/bin/sh", "-c", "sleep 1000"], start_new_session=True)
return {"left": True}"""), {}, lambda status, result: result == {"left": True}),
    ]


def main():
    service, visits = listener()
    checks = {}
    with tempfile.TemporaryDirectory(prefix="wisp-hostile-") as home:
        with open(os.path.join(home, "secret"), "w") as file:
            file.write(SECRET)
        server = Server(home)
        server.start()
        server.deploy("neighbour", "nodejs:default", "let n = 0; function main() { return {n: ++n}; }")
        server.invoke("neighbour")
        for index, (name, kind, code, limits, holds) in enumerate(attacks(service.getsockname()[1], home)):
            server.deploy(f"attack{index}", kind, code, **limits)
            activation = server.invoke(f"attack{index}")
            response = activation.get("response", {})
            status, result = response.get("status"), response.get("result")
            checks[f"{name}: {status} {json.dumps(result)[:200]}"] = bool(result is not None and holds(status, result))
            calm = server.invoke("neighbour").get("response", {})
            checks[f"{name}: the neighbour goes on ({json.dumps(calm)[:200]})"] = calm.get("success") is True
        server.deploy("quits", "python:default", python("threading.Timer(0.05, os._exit, [1]).start()\nreturn {'left': 1}"))
        server.invoke("quits")
        time.sleep(0.5)
        again = server.invoke("quits").get("response", {})
        checks[f"who ends after its reply harms no later call ({json.dumps(again)[:200]})"] = again.get("success") is True
        checks[f"the host's loopback service was not visited ({visits})"] = not visits
        kept = server.call("GET", "/activations?limit=200&docs=true")[1]
        checks["every attack has a record"] = len(kept) >= 2 * len(attacks(0, home))
        checks["the server ends with 0 on SIGTERM"] = server.stop() == 0
    service.close()
    close("hostile", checks)


if __name__ == "__main__":
    main()
