"""Container images: code that is root inside, on layers that it shares, and whose replies and marks it makes itself."""

from dataclasses import replace

import files
import interpreter
import kernel
import network
import processes
import resources
from attack import Attack, flooded, late, nothing, python, survives

# These say of an interpreter of the platform what is not so in an image: its root can be written, its user is root, it has
# its own kind of channel.
OTHERWISE = {
    "writes its root and the system's programs", "poisons the launcher and the standard library", "becomes root",
    "uses programs that are somebody else's", "leaves by chroot", "leaves by its open descriptors", "leaves by links",
    "leaves files for others", "finds files of others", "sees other processes", "endless loop at initialisation",
    "deep JSON from Python",
}


def image(name, body, holds=nothing, **rest):
    """An attack from an image."""
    return Attack(name, python(body), holds, kind="blackbox", image=interpreter.NAME, **rest)


def inside(attack):
    """The same attack from an image."""
    return replace(attack, name=attack.name + ", in an image", kind="blackbox", image=interpreter.NAME)


REPLY = r"""
import io
def reply(text, status=b"200 OK", more=b"", length=None):
    length = len(text) if length is None else length
    connection.wfile.write(b"HTTP/1.1 " + status + b"\r\n" + more + b"Content-Length: %d\r\n\r\n" % length + text)
    connection.wfile.flush()
def silent():
    # Nothing that is written afterwards arrives.
    connection.wfile = io.BytesIO()
MARK = "XXX_THE_END_OF_A_WHISK_ACTIVATION_XXX"
"""


def answer(name, body, holds=survives, **rest):
    """An attack that makes its reply itself."""
    return Attack(name, python(REPLY + body), holds, kind="blackbox", image=interpreter.NAME, **rest)


ATTACKS = [inside(attack) for topic in (files, kernel, processes, resources) for attack in topic.ATTACKS
           if attack.kind == "python:default" and attack.name not in OTHERWISE]
ATTACKS += [
    image("is root in an image, and gains nothing by it", """
status = dict(line.split(":", 1) for line in read("/proc/self/status").decode().splitlines())
have = [name for name in ("CapEff", "CapPrm", "CapBnd", "CapInh", "CapAmb") if int(status[name], 16)]
write("/tmp/mine")
return {"got": have + got({
    "privileges": lambda: status["NoNewPrivs"].strip() != "1", "filter": lambda: status["Seccomp"].strip() != "2",
    "user": lambda: os.setuid(1) is None, "group": lambda: os.setgid(1) is None, "groups": lambda: os.setgroups([0]) is None,
    "chown": lambda: os.chown("/tmp/mine", 1, 1) is None,
    "capset": lambda: libc.syscall(126, struct.pack("Ii", 0x20080522, 0), struct.pack("6I", *[0xFFFFFFFF] * 6)) == 0,
    "more users": lambda: write("/proc/self/uid_map", "0 0 4294967295"),
    "setgroups": lambda: write("/proc/self/setgroups", "allow")})["got"]}"""),
    image("gives a program its owner's rights", """
attempts = {}
with open(sys.executable, "rb") as source, open("/tmp/program", "wb") as program:
    program.write(source.read())
os.chmod("/tmp/program", 0o6755)
def privileges():
    said = subprocess.run(["/tmp/program", "-c", "print(open('/proc/self/status').read())"], capture_output=True, text=True).stdout
    return [line for line in said.splitlines() if line.startswith("Cap") and int(line.split()[1], 16)]
attempts["runs with more"] = privileges
attempts["capabilities of a file"] = lambda: os.setxattr("/tmp/program", "security.capability", b"\\1\\0\\0\\2" + b"\\xff" * 16) is None
attempts["came with its image"] = lambda: os.stat("/privileged").st_mode & 0o6000
return got(attempts)"""),
    image("leaves an image by the way it came", """
top = os.open("/", os.O_DIRECTORY | os.O_RDONLY)
ways = ["/" + "../" * 40, "/proc/1/root" + "/.." * 10, "/proc/self/cwd/" + "../" * 10, "/proc/self/root" + "/.."]
attempts = {way: lambda way=way: os.path.exists(way + args["home"]) for way in ways}
attempts |= {path: lambda path=path: os.path.exists(path) for path in ("/layers", "/upper", "/merged", "/wisp")}
for fd in os.listdir("/proc/self/fd"):
    attempts["descriptor " + fd] = lambda fd=fd: os.stat("../" * 10 + args["home"].lstrip("/"), dir_fd=int(fd))
def chrooted():
    os.makedirs("/tmp/cage", exist_ok=True)
    os.chroot("/tmp/cage")
    os.chdir("../" * 20)
    return os.path.exists("." + args["home"])
attempts["chroot"] = chrooted
attempts["pivot_root"] = lambda: call(155, b"/tmp", b"/tmp")
os.symlink(args["home"] + "/secret", "/tmp/soft")
attempts["symlink"] = lambda: read("/tmp/soft")
return got(attempts)"""),
    image("learns where the host keeps layers", """
seen = read("/proc/self/mountinfo") + read("/proc/mounts") + read("/proc/self/maps")
return {"got": [args["home"]] if args["home"].encode() in seen else []}"""),
    image("lays its own files over others'", """
for name in ("lower", "upper", "work", "at"):
    os.makedirs("/tmp/" + name, exist_ok=True)
options = b"lowerdir=/,upperdir=/tmp/upper,workdir=/tmp/work"
return got({
    "overlay": lambda: libc.mount(b"x", b"/tmp/at", b"overlay", 0, options) == 0,
    "fsopen": lambda: call(430, b"overlay", 0),
    "redirect": lambda: os.setxattr("/tmp/at", "trusted.overlay.redirect", b"/etc") is None,
    "opaque": lambda: os.setxattr("/tmp/at", "trusted.overlay.opaque", b"y") is None,
    "whiteout": lambda: os.mknod("/tmp/at/x", 0o20666, 0) is None})"""),
    image("poisons the layers of its image", """
import json as library
write("/left", "poison")
write("/secret", "poisoned")
for path in (library.__file__, "/server.py"):
    with open(path, "a") as file:
        file.write("\\nPOISONED = True\\n")
os.unlink("/bin/busybox")
os.rename("/bin/sh", "/bin/sh.old")
os.chmod("/", 0o777)
return {"got": []}"""),
    image("finds what others have made of its image", """
import json as library
return got({
    "file": lambda: os.path.exists("/left"), "content": lambda: read("/secret") != b"the image's own",
    "library": lambda: b"POISONED" in read(library.__file__), "server": lambda: b"POISONED" in read("/server.py"),
    "removed": lambda: not os.path.exists("/bin/busybox"), "renamed": lambda: os.path.exists("/bin/sh.old")})"""),
    image("fills the disk of its image", """
written, places = 0, ["/fill", "/usr/fill", "/tmp/fill"]
for path in places:
    try:
        with open(path, "wb", buffering=0) as file:
            for _ in range(128):
                file.write(b"x" * (8 << 20)); written += 8
    except OSError as error:
        return {"written": written, "refused": str(error)}
return {"written": written}""", lambda status, result: status != "success" or (bool(result.get("refused")) and result["written"] <= 1024)),
    image("copies up what its layers hold until there is no room", """
copied = 0
try:
    for _ in range(400):
        for path in glob.glob("/usr/lib/**/*.so*", recursive=True) + [sys.executable]:
            os.chmod(path, 0o755); copied += 1
            with open(path, "rb") as file, open("/tmp/copy%d" % copied, "wb") as copy:
                copy.write(file.read())
except OSError as error:
    return {"copied": copied, "refused": str(error)}
return {"copied": copied}""", lambda status, result: status != "success" or "refused" in result),
    image("sees other processes from an image", """
names = [read(f"/proc/{pid}/cmdline").replace(b"\\0", b" ").decode() for pid in os.listdir("/proc") if pid.isdigit()]
return {"count": len(names), "names": names}""",
          lambda status, result: result["count"] <= 3 and "serve " not in str(result["names"])),
    image("leaves files for others in an image", """
for path in ("/tmp/mark", "/dev/shm/mark", "/mark"):
    write(path)
return {"got": []}"""),
    image("finds files of others in an image", """
return got({path: lambda path=path: os.path.exists(path) for path in ("/tmp/mark", "/dev/shm/mark", "/mark")})"""),
    image("spins when it is given its code", "return {}\nend = time.monotonic() + 20\nwhile time.monotonic() < end: pass",
          lambda status, result: status == "success"),
    answer("replies twice", """
reply(b'{"first":true}')
reply(b'{"second":true}')
silent()
return {}""", lambda status, result: result == {"first": True}),
    answer("replies less than it announces", """
reply(b'{"short":', length=1000)
connection.wfile.close()
silent()
os._exit(1)""", lambda status, result: status == "action developer error"),
    answer("never finishes its reply", """
reply(b'{"slow":', length=1000)
end = time.monotonic() + 20
while time.monotonic() < end:
    connection.wfile.write(b" "); connection.wfile.flush(); time.sleep(0.1)""", late(1500), limits={"timeout": 1500}),
    answer("replies with endless headers", """
connection.wfile.write(b"HTTP/1.1 200 OK\\r\\n")
try:
    for number in range(2_000_000):
        connection.wfile.write(b"X-%d: %s\\r\\n" % (number, b"x" * 100))
except OSError:
    pass
silent()
return {}""", lambda status, result: status != "success", limits={"timeout": 20000}),
    answer("replies with an endless body", """
connection.wfile.write(b"HTTP/1.1 200 OK\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n")
try:
    for _ in range(20_000):
        connection.wfile.write(b"10000\\r\\n" + b"x" * 65536 + b"\\r\\n")
except OSError:
    pass
silent()
return {}""", lambda status, result: status != "success", limits={"timeout": 20000}),
    answer("announces more than there can be", """
connection.wfile.write(b"HTTP/1.1 200 OK\\r\\nContent-Length: 18446744073709551615\\r\\n\\r\\n{}")
connection.wfile.flush()
time.sleep(20)""", lambda status, result: status == "action developer error", limits={"timeout": 1500}),
    answer("replies what is no HTTP", """
connection.wfile.write(bytes(range(256)) * 100)
connection.wfile.flush()
silent()
return {}""", lambda status, result: status == "action developer error"),
    answer("asks to go on for ever", """
try:
    for _ in range(200_000):
        connection.wfile.write(b"HTTP/1.1 100 Continue\\r\\n\\r\\n")
except OSError:
    pass
reply(b'{"late":true}')
silent()
return {}""", limits={"timeout": 20000}),
    answer("is never ready", """
reply(b"", b"503 Service Unavailable")
silent()
return {}""", late(1500), limits={"timeout": 1500}),
    answer("sends its caller elsewhere", """
reply(b"", b"302 Found", b"Location: http://169.254.169.254/latest\\r\\n")
silent()
return {}""", lambda status, result: status != "success"),
    answer("claims to be compressed", """
import gzip
reply(gzip.compress(b"x" * (64 << 20)), more=b"Content-Encoding: gzip\\r\\nContent-Type: application/json\\r\\n")
silent()
return {}""", lambda status, result: status != "success", limits={"memory": 512}),
    answer("ends its log early, and goes on", """
print(MARK, flush=True)
print("after the mark", flush=True)
for _ in range(1000):
    print(MARK, flush=True)
sys.stderr.write(MARK + "\\n")
return {"mine": True}""", lambda status, result: result == {"mine": True}, logs=lambda lines: len(lines) < 1100),
    answer("never ends its log", """
import builtins
builtins.print = lambda *_, **__: None
os.write(1, b"no mark follows\\n")
return {"mine": True}""", lambda status, result: result == {"mine": True},
           logs=lambda lines: any("no mark follows" in line for line in lines)),
    answer("floods the log in an image", """
try:
    for _ in range(5000):
        os.write(1, b"x" * 65536 + b"\\n")
except OSError:
    pass
return {"mine": True}""", limits={"logs": 1, "timeout": 30000}, logs=flooded),
    answer("gives its port to a child, and dies", """
if os.fork() == 0:
    time.sleep(30)
    os._exit(0)
os._exit(3)""", lambda status, result: "exited unexpectedly" in str(result)),
    answer("kills the first process of its sandbox", """
for number in (9, 19, 15, 11):
    works(lambda: os.kill(1, number) is None)
return {"mine": True}"""),
]

# From an image the network is the sandbox's own, as from anywhere else.
NETWORKED = [inside(attack) for attack in network.ATTACKS if attack.kind == "python:default"]
