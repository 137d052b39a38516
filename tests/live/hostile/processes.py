"""Processes: those of others, and its own that will not go."""

from attack import Attack, native, node, python, survives

ATTACKS = [
    Attack("sees other processes", python("""
names = [read(f"/proc/{pid}/cmdline").replace(b"\\0", b" ").decode() for pid in os.listdir("/proc") if pid.isdigit()]
return {"count": len(names), "names": names}"""),
           lambda status, result: result["count"] <= 4 and "serve" not in str(result["names"])),
    Attack("signals everybody", python("""
return got({"group " + str(pid): lambda pid=pid: os.kill(pid, signal.SIGKILL) is None for pid in (1, 3, 4, 5, 1000)})"""),
           lambda status, result: status != "success" or set(result["got"]) <= {"group 1"}),
    Attack("kills everything", python("""
os.kill(-1, 9)
return {"killed": True}"""), survives),
    Attack("stops its parent", python("""
stopped = works(lambda: os.kill(1, signal.SIGSTOP) is None)
states = [line for line in read("/proc/1/status").decode().splitlines() if line.startswith("State")]
return {"states": states}"""), lambda status, result: status == "success" and "T" not in result["states"][0].split()[1]),
    node("kills its parent from Node", """
function main() {
  for (const signal of ['SIGKILL', 'SIGSTOP', 'SIGTERM', 'SIGSEGV']) for (const pid of [process.ppid, 1]) {
    try { process.kill(pid, signal); } catch {}
  }
  return { got: [] };
}"""),
    Attack("leaves a daemon", python("""
subprocess.Popen(["/bin/sh", "-c", "sleep 1000"], start_new_session=True)
return {"got": []}""")),
    Attack("leaves orphans and zombies", python("""
made = 0
for _ in range(200):
    pid = os.fork()
    if pid == 0:
        if os.fork() == 0:
            time.sleep(5)
        os._exit(0)
    made += 1
return {"made": made}"""), lambda status, result: result == {"made": 200}),
    Attack("forks in the last moment", python("""
for _ in range(20):
    if os.fork() == 0:
        end = time.monotonic() + 3
        while time.monotonic() < end:
            if os.fork() == 0:
                time.sleep(0.05)
                os._exit(0)
            try:
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass
            except OSError:
                pass
        os._exit(0)
time.sleep(100)"""), lambda status, result: "exceeded its time limits of 700 milliseconds" in str(result),
           limits={"timeout": 700}),
    native("does not end when it is told to", """
trap '' TERM INT HUP QUIT
read line
end=$(($(date +%s) + 20))
while [ "$(date +%s)" -lt $end ]; do :; done""", lambda status, result: status == "action developer error",
           limits={"timeout": 700}),
    Attack("hides from the process list", python("""
libc.prctl(4, 0, 0, 0, 0)
libc.prctl(15, b"kworker/0:1", 0, 0, 0)
return {"got": []}""")),
    Attack("makes itself the reaper and dies", python("""
libc.prctl(36, 1, 0, 0, 0)
for _ in range(10):
    if os.fork() == 0:
        time.sleep(30)
        os._exit(0)
os.kill(os.getpid(), signal.SIGKILL)"""), lambda status, result: "exited unexpectedly" in str(result)),
    Attack("clears the signal that ends it with its parent", python("""
libc.prctl(1, 0, 0, 0, 0)
if os.fork() == 0:
    libc.prctl(1, 0, 0, 0, 0)
    os.setsid()
    time.sleep(30)
    os._exit(0)
return {"got": []}""")),
]
