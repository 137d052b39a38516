"""The kernel: privileges, namespaces, and calls that no function needs. Numbers of calls are those of x86-64."""

from attack import Attack, native, python

ATTACKS = [
    Attack("becomes root", python("""
return got({
    "setuid": lambda: os.setuid(0) is None, "setgid": lambda: os.setgid(0) is None,
    "setgroups": lambda: os.setgroups([0]) is None, "setresuid": lambda: os.setresuid(0, 0, 0) is None,
    "capset": lambda: libc.syscall(126, struct.pack("Ii", 0x20080522, 0), struct.pack("6I", *[0xFFFFFFFF] * 6)) == 0,
    "ambient": lambda: libc.prctl(47, 2, 21, 0, 0) == 0,
    "is root": lambda: os.getuid() == 0 or os.geteuid() == 0})""")),
    Attack("uses programs that are somebody else's", python("""
def run(*command):
    return b"uid=0" in subprocess.run(command, capture_output=True, timeout=5, input=b"").stdout
return got({"su": lambda: run("/bin/su", "-c", "id"), "newgrp": lambda: run("/usr/bin/newgrp", "root"),
            "sudo": lambda: run("/usr/bin/sudo", "-n", "id"), "mount": lambda: run("/bin/mount", "-t", "tmpfs", "x", "/tmp")})""")),
    Attack("nests user namespaces", python("""
flags = {"user": 0x10000000, "mount": 0x20000, "process": 0x20000000, "network": 0x40000000, "all": 0x7E020000}
attempts = {"unshare " + name: lambda flag=flag: libc.unshare(flag) == 0 for name, flag in flags.items()}
attempts |= {"clone " + name: lambda flag=flag: call(56, flag | 17, 0, 0, 0, 0) for name, flag in flags.items()}
attempts["clone3"] = lambda: call(435, struct.pack("8Q", 0x10000000, 0, 0, 0, 17, 0, 0, 0), 64)
return got(attempts)""")),
    native("nests user namespaces by a program", """
read line
unshare --user --map-root-user id -u >/tmp/out 2>&1 && grep -q '^0$' /tmp/out && found=root
echo "{\\"got\\":[],\\"found\\":\\"$found\\"}" >&3
exec cat >/dev/null""", lambda status, result: "found" not in result or result["found"] == ""),
    Attack("enters the namespaces of others", python("""
attempts = {}
for pid in ("1", "self"):
    for kind in ("mnt", "pid", "net", "user", "ipc", "uts", "cgroup"):
        attempts[pid + kind] = lambda path=f"/proc/{pid}/ns/{kind}": libc.setns(os.open(path, os.O_RDONLY), 0) == 0
return got(attempts)""")),
    Attack("traces its parent", python("""
return got({
    "attach": lambda: libc.ptrace(16, 1, 0, 0) == 0, "seize": lambda: libc.ptrace(0x4206, 1, 0, 0) == 0,
    "traceme": lambda: libc.ptrace(0, 0, 0, 0) == 0,
    "process_vm_readv": lambda: call(310, 1, b"\\0" * 16, 1, b"\\0" * 16, 1, 0),
    "memory": lambda: [os.open("/proc/1/mem", os.O_RDWR)], "maps": lambda: read("/proc/1/maps"),
    "pidfd_getfd": lambda: call(438, libc.syscall(434, 1, 0), 0, 0)})""")),
    Attack("takes keys from the kernel's keyrings", python("""
return got({
    "add_key": lambda: call(248, b"user", b"wisp", b"x", 1, -3),
    "request_key": lambda: call(249, b"user", b"wisp", None, -3),
    "join session": lambda: call(250, 1, b"wisp"), "list": lambda: read("/proc/keys"),
    "persistent": lambda: call(250, 22, -1, -3)})""")),
    Attack("loads code into the kernel", python("""
return got({
    "bpf": lambda: call(321, 0, struct.pack("IIIII", 1, 4, 4, 1, 0) + b"\\0" * 100, 120),
    "init_module": lambda: call(175, b"", 0, b""), "finit_module": lambda: call(313, 0, b"", 0),
    "kexec_load": lambda: call(246, 0, 0, 0, 0), "delete_module": lambda: call(176, b"x", 0)})""")),
    Attack("uses calls that were ways out before", python("""
return got({
    "io_uring_setup": lambda: call(425, 8, b"\\0" * 120), "userfaultfd": lambda: call(323, 0),
    "perf_event_open": lambda: call(298, struct.pack("II", 1, 112) + b"\\0" * 104, 0, -1, -1, 0),
    "modify_ldt": lambda: call(154, 0, b"\\0" * 16, 16), "kcmp": lambda: call(312, 1, 2, 0, 0, 0),
    "acct": lambda: call(163, b"/tmp/acct"), "quotactl": lambda: call(179, 0, 0, 0, 0),
    "iopl": lambda: call(172, 3), "ioperm": lambda: call(173, 0, 1, 1), "fanotify_init": lambda: call(300, 0, 0),
    "move_pages": lambda: call(279, 1, 0, 0, 0, 0, 0), "vhangup": lambda: call(153), "syslog": lambda: call(103, 10, 0, 0)})""")),
    Attack("calls by other numbers", python("""
# The x32 variants of getpid, mount, unshare and ptrace. The filter ends a process that tries.
children = []
for number in (39, 165, 272, 101):
    pid = os.fork()
    if pid == 0:
        os._exit(0 if libc.syscall(0x40000000 | number, 0, 0, 0, 0, 0) >= 0 else 1)
    children.append((number, pid))
return {"got": [number for number, pid in children if os.waitpid(pid, 0)[1] == 0]}""")),
    Attack("plays with the clock", python("""
return got({
    "settimeofday": lambda: call(164, struct.pack("qq", 0, 0), 0),
    "clock_settime": lambda: call(227, 0, struct.pack("qq", 0, 0)),
    "adjtimex": lambda: call(159, struct.pack("I", 1) + b"\\0" * 204),
    "clock_adjtime": lambda: call(305, 0, struct.pack("I", 1) + b"\\0" * 204),
    "rtc": lambda: [os.open("/dev/rtc0", os.O_RDWR)]})""")),
    Attack("changes the machine's names and settings", python("""
settings = ["kernel/hostname", "kernel/core_pattern", "kernel/modprobe", "kernel/randomize_va_space", "vm/overcommit_memory",
            "net/ipv4/ip_forward", "kernel/pid_max", "fs/suid_dumpable", "user/max_user_namespaces"]
attempts = {path: lambda path=path: write("/proc/sys/" + path, "1") for path in settings}
attempts |= {"sethostname": lambda: socket.sethostname("evil") is None, "setdomainname": lambda: call(171, b"evil", 4),
             "reboot": lambda: call(169, 0xFEE1DEAD, 672274793, 0, 0), "swapon": lambda: call(167, b"/tmp", 0),
             "sysrq": lambda: write("/proc/sysrq-trigger", "h")}
return got(attempts)""")),
    Attack("changes its control groups", python("""
attempts = {}
for path in glob.glob("/sys/fs/cgroup/**", recursive=True)[:2000]:
    if path.endswith(("memory.max", "memory.limit_in_bytes", "pids.max", "cgroup.procs", "release_agent", "cpu.shares")):
        attempts[path] = lambda path=path: write(path, "1")
attempts["mount v1"] = lambda: libc.mount(b"x", b"/tmp", b"cgroup", 0, b"memory") == 0
attempts["mount v2"] = lambda: libc.mount(b"x", b"/tmp", b"cgroup2", 0, None) == 0
return got(attempts)""")),
    Attack("raises its limits", python("""
def more(kind):
    soft, hard = resource.getrlimit(kind)
    resource.setrlimit(kind, (hard + 1 if hard > 0 else 1 << 40, hard + 1 if hard > 0 else 1 << 40))
    return True
return got({
    "files": lambda: more(resource.RLIMIT_NOFILE), "processes": lambda: more(resource.RLIMIT_NPROC),
    "core": lambda: resource.setrlimit(resource.RLIMIT_CORE, (1 << 20, 1 << 20)) is None,
    "nice": lambda: os.nice(-5) < 0, "realtime": lambda: os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1)) is None,
    "oom": lambda: write("/proc/self/oom_score_adj", "-1000"),
    "ioprio": lambda: call(251, 1, 0, (1 << 13) | 0)})""")),
    Attack("types into a terminal", python("""
return got({"TIOCSTI " + str(fd): lambda fd=fd: libc.ioctl(fd, 0x5412, b"x") == 0 for fd in range(4)} |
           {"tty": lambda: [os.open("/dev/tty", os.O_RDWR)], "pty": lambda: [os.open("/dev/ptmx", os.O_RDWR)] and False})""")),
    Attack("shares memory with others by System V", python("""
# Each sandbox has an IPC namespace of its own: what is made here is seen nowhere else, and nothing is here to begin with.
return got({kind: lambda kind=kind: len(read("/proc/sysvipc/" + kind).splitlines()) > 1 for kind in ("shm", "msg", "sem")})""")),
]
