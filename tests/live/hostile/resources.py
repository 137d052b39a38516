"""Resources: memory by every door, processes, files, time, output. Each bomb ends by itself, too."""

from attack import Attack, exhausted, flooded, isolate, late, native, node, python, survives

SMALL = {"memory": 128}


def bounded(status, result):
    """Refused at a limit, or ended for want of memory."""
    return exhausted(status, result) or "refused" in result


ATTACKS = [
    Attack("memory", python("""
data = []
for _ in range(64):
    data.append(bytearray(32 << 20))
return {"taken": len(data)}"""), exhausted, limits=SMALL),
    node("memory of Node's buffers", """
function main() { const kept = []; for (let n = 0; n < 2048; n++) kept.push(Buffer.alloc(1 << 20, 1)); return { kept: kept.length }; }""",
         exhausted, limits=SMALL),
    node("memory of Node's heap", """
function main() { const kept = []; for (let n = 0; n < 3e7; n++) kept.push({ n, more: [n] }); return { kept: kept.length }; }""",
         exhausted, limits={**SMALL, "timeout": 60000}),
    native("memory by a program", """
read line
head -c 1000000000 /dev/zero | tail -c 1000000000 >/dev/null
echo '{"done":true}' >&3
exec cat >/dev/null""", lambda status, result: status == "action developer error" or result.get("done"), limits=SMALL),
    Attack("memory by files in /tmp", python("""
written = 0
try:
    with open("/tmp/fill", "wb") as file:
        for _ in range(64):
            file.write(b"x" * (32 << 20)); written += 32
except OSError as error:
    return {"written": written, "refused": str(error)}
return {"written": written}"""), bounded, limits=SMALL),
    Attack("memory by /dev/shm", python("""
written = 0
try:
    with open("/dev/shm/fill", "wb") as file:
        for _ in range(64):
            file.write(b"x" * (8 << 20)); written += 8
except OSError as error:
    return {"written": written, "refused": str(error)}
return {"written": written}"""), bounded, limits=SMALL),
    Attack("memory by anonymous files", python("""
files = []
for _ in range(64):
    fd = os.memfd_create("x"); files.append(fd)
    for _ in range(32):
        os.write(fd, b"x" * (1 << 20))
return {"files": len(files)}"""), exhausted, limits=SMALL),
    Attack("memory by System V segments", python("""
made = []
libc.shmat.restype = ctypes.c_void_p
try:
    for _ in range(64):
        segment = libc.shmget(0, 32 << 20, 0o1600)
        if segment < 0:
            return {"made": len(made), "refused": ctypes.get_errno()}
        ctypes.memset(libc.shmat(segment, None, 0), 1, 32 << 20); made.append(segment)
finally:
    pass
return {"made": len(made)}"""), bounded, limits=SMALL),
    Attack("memory by pipes", python("""
import fcntl
filled = 0
try:
    for _ in range(450):
        reader, writer = os.pipe()
        try:
            fcntl.fcntl(writer, 1031, 1 << 20)
        except OSError:
            pass
        os.set_blocking(writer, False)
        try:
            while True:
                filled += os.write(writer, b"x" * 65536)
        except BlockingIOError:
            pass
except OSError as error:
    return {"filled": filled >> 20, "refused": str(error)}
return {"filled": filled >> 20}"""),
           lambda status, result: exhausted(status, result) or "refused" in result or result["filled"] <= 128, limits=SMALL),
    Attack("memory locked", python("""
import mmap
area = mmap.mmap(-1, 512 << 20)
locked = libc.mlock(ctypes.c_void_p(ctypes.addressof(ctypes.c_char.from_buffer(area))), 512 << 20)
return {"refused": True} if locked else {}"""), bounded, limits=SMALL),
    Attack("fork bomb", python("""
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
return {"children": len(children), "refused": refused}"""),
           lambda status, result: status != "success" or (result["refused"] == 1 and result["children"] < 1100)),
    Attack("thread bomb", python("""
count = 0
threading.stack_size(65536)
try:
    for _ in range(3000):
        threading.Thread(target=time.sleep, args=(20,), daemon=True).start(); count += 1
except RuntimeError as error:
    return {"threads": count, "refused": str(error)}
return {"threads": count}"""), lambda status, result: "refused" in result or status != "success"),
    Attack("descriptors", python("""
files = []
try:
    for _ in range(100_000):
        files.append(open("/dev/null"))
except OSError as error:
    return {"opened": len(files), "refused": str(error)}
return {"opened": len(files)}"""), lambda status, result: "refused" in result and result["opened"] <= 1024),
    Attack("descriptors in flight", python("""
sent = 0
pairs = []
try:
    for _ in range(200):
        a, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM); pairs.append((a, b))
        a.setblocking(False)
        for _ in range(50):
            socket.send_fds(a, [b"x"], [0] * 100); sent += 100
except OSError as error:
    return {"sent": sent, "refused": str(error)}
return {"sent": sent}"""), lambda status, result: status != "success" or "refused" in result),
    Attack("timers", python("""
for made in range(200_000):
    if libc.syscall(222, 0, None, ctypes.byref(ctypes.c_int())) < 0:
        break
return {"made": made}"""), lambda status, result: status == "success" and result["made"] < 2000, limits=SMALL),
    Attack("pending signals", python("""
signal.pthread_sigmask(signal.SIG_BLOCK, {40})
for sent in range(200_000):
    if libc.syscall(129, os.getpid(), 40, struct.pack("iii", 40, 0, -1) + b"\\0" * 116) < 0:
        break
return {"sent": sent}"""), lambda status, result: status == "success" and result["sent"] < 2000, limits=SMALL),
    Attack("message queues", python("""
made = 0
attributes = struct.pack("8l", 0, 10, 8192, 0, 0, 0, 0, 0)
while made < 200 and libc.syscall(240, f"wisp{made}".encode(), os.O_CREAT | os.O_RDWR, 0o600, attributes) >= 0:
    made += 1
return {"made": made}"""), lambda status, result: status == "success" and result["made"] < 5),
    node("endless loop", "function main() { for (;;); }", late(500), limits={"timeout": 500}),
    node("endless promises", "async function main() { for (;;) await null; }", late(500), limits={"timeout": 500}),
    Attack("endless loop at initialisation", "import time\nend = time.monotonic() + 20\nwhile time.monotonic() < end: pass\n"
           "def main(args): return {}\n", lambda status, result: "exceeded its time limits of 500 milliseconds" in str(result),
           limits={"timeout": 500}),
    native("endless loop in a program", """
read line
n=0; while [ $n -lt 100000000 ]; do n=$((n+1)); done""", late(500), limits={"timeout": 500}),
    Attack("regular expression that never ends", python("""
import re
re.match("(a+)+$", "a" * 40 + "b")
return {}"""), late(700), limits={"timeout": 700}),
    node("endless output", """
function main() { const line = 'x'.repeat(1000); for (let i = 0; i < 20000; i++) console.log(line); return { got: [] }; }""",
         limits={"logs": 1}, logs=flooded),
    Attack("endless line", python("""
for _ in range(200):
    sys.stdout.write("x" * (1 << 16))
sys.stdout.flush()
return {"got": []}"""), limits={"logs": 1}, logs=flooded),
    native("output of a program that does not answer", """
read line
end=$(($(date +%s) + 5))
yes "flood" | head -c 300000000
sleep 20""", lambda status, result: "exceeded its time limits" in str(result), limits={"timeout": 1500, "logs": 1},
           logs=flooded),
    Attack("huge result", python("""return {"text": "x" * (30 << 20)}"""),
           lambda status, result: status == "application error" and "exceeded the allowed length" in str(result)),
    node("deep JSON", "function main() { let x = {}; for (let i = 0; i < 50000; i++) x = { x }; return x; }", survives,
         limits={"timeout": 5000}),
    Attack("deep JSON from Python", python("""
os.write(1, b"")
class Deep(dict): pass
sys.setrecursionlimit(1 << 20)
return json.loads("[" * 5000 + "]" * 5000)"""), survives),
    Attack("many keys", python("""return {str(n): n for n in range(200_000)}"""), survives),
    isolate("memory of an isolate's heap", """
export function main() { const kept = []; for (let n = 0; n < 3e7; n++) kept.push({ n, more: [n] }); return {}; }""", exhausted,
            limits={**SMALL, "timeout": 60000}),
    isolate("memory of an isolate's buffers", """
export function main() { const kept = []; for (let n = 0; n < 2048; n++) kept.push(new Uint8Array(1 << 20).fill(1)); return {}; }""",
            exhausted, limits=SMALL),
    isolate("endless loop in an isolate", "export function main() { for (;;); }", late(500), limits={"timeout": 500}),
    isolate("endless loop of an isolate after it waited", """
export async function main() { await scheduler.wait(50); for (;;); }""", late(700), limits={"timeout": 700}),
    isolate("endless promises in an isolate", "export async function main() { for (;;) await null; }", late(500),
            limits={"timeout": 500}),
    isolate("endless loop of an isolate after its reply", """
export default { async fetch(request, env, ctx) { ctx.waitUntil((async () => { await scheduler.wait(1); for (;;); })());
  return Response.json({ got: [] }); } };"""),
    isolate("endless loop of an isolate when it is loaded", """
export const main = () => ({}); for (;;);""",
            lambda status, result: status == "action developer error", limits={"timeout": 1000}),
    isolate("endless output of an isolate", """
export function main() { const line = 'x'.repeat(1000); for (let i = 0; i < 20000; i++) console.log(line); return { got: [] }; }""",
            limits={"logs": 1}, logs=flooded),
    isolate("deep recursion in an isolate", """
export function main() { const deep = (n) => deep(n + 1) + 1; try { deep(0); } catch { return { got: [] }; } }"""),
]
