"""Files: the host's, other functions', the platform's."""

from attack import Attack, native, node, python

SECRETS = """
places = ["/etc/shadow", "/etc/gshadow", "/root", "/home", args["home"], args["home"] + "/secret", args["home"] + "/data",
          "/var/lib", "/run", "/boot", "/proc/1/environ", "/proc/1/mem", "/proc/kcore", "/sys/kernel"]
"""

ATTACKS = [
    Attack("reads the host's files", python(SECRETS + """
def found(path):
    entries = os.listdir(path) if os.path.isdir(path) else [read(path)]
    return [entry for entry in entries if entry]
return got({path: lambda path=path: found(path) for path in places})""")),
    node("reads the host's files from Node", """
function main({ home }) {
  const places = ['/etc/shadow', '/root', '/home', home, home + '/secret', '/proc/1/environ', '/var/lib', '/run'];
  const got = places.filter((path) => {
    try { return (fs.statSync(path).isDirectory() ? fs.readdirSync(path) : fs.readFileSync(path)).length > 0; }
    catch { return false; }
  });
  return { got };
}"""),
    native("reads the host's files by a shell", """
read line
got=
for path in /etc/shadow /proc/1/environ /proc/1/mem; do
  cat "$path" >/dev/null 2>&1 && got="$got $path"
done
for path in /root /home /var/lib /boot; do
  ls -A "$path" 2>/dev/null | grep -q . && got="$got $path"
done
echo "{\\"got\\":[],\\"found\\":\\"$got\\"}" >&3
exec cat >/dev/null""", lambda status, result: "found" not in result or result["found"] == ""),
    Attack("writes its root and the system's programs", python("""
paths = ["/x", "/usr/x", "/usr/lib/x", "/usr/bin/python3", "/bin/sh", "/etc/x", "/etc/passwd", "/lib/x", "/action/x",
         "/wisp/x", "/proc/sysrq-trigger"]
return got({path: lambda path=path: write(path) for path in paths})""")),
    node("poisons the packages that all functions share", """
function main() {
  const roots = ['/node_modules', '/node_modules/openwhisk', '/wisp/nodejs', '/wisp'];
  const got = [];
  for (const root of roots) {
    for (const act of [() => fs.writeFileSync(root + '/package.json', '{}'), () => fs.rmSync(root, { recursive: true }),
                       () => fs.renameSync(root, root + '.old'), () => fs.chmodSync(root, 0o777),
                       () => fs.symlinkSync('/tmp', root + '/evil')]) {
      try { act(); got.push(root); } catch {}
    }
  }
  return { got };
}"""),
    Attack("poisons the launcher and the standard library", python("""
import json as library
targets = glob.glob("/wisp/*/*") + [library.__file__, os.path.dirname(library.__file__)]
attempts = {}
for path in targets:
    attempts["write " + path] = lambda path=path: write(path)
    attempts["unlink " + path] = lambda path=path: os.unlink(path) is None
    attempts["chmod " + path] = lambda path=path: os.chmod(path, 0o777) is None
return got(attempts)""")),
    Attack("leaves by its open descriptors", python("""
attempts = {}
for fd in os.listdir("/proc/self/fd"):
    for way in ("..", "../../../../../../../..", "../../../../../../../.." + args["home"]):
        attempts[fd + " " + way] = lambda fd=fd, way=way: os.stat(way, dir_fd=int(fd)) and int(fd) > 3
return got(attempts)""")),
    Attack("leaves by /proc", python("""
ways = ["/proc/1/root", "/proc/1/cwd", "/proc/self/root" + "/..", "/proc/2/root" + "/../..", "/proc/thread-self/root"]
return got({way: lambda way=way: os.path.exists(way + args["home"]) for way in ways})""")),
    Attack("leaves by chroot", python("""
os.mkdir("/tmp/cage")
return got({"chroot": lambda: os.chroot("/tmp/cage") is None,
            "pivot_root": lambda: call(155, b"/tmp", b"/tmp/cage")})""")),
    Attack("leaves by file handles", python("""
handle = struct.pack("Ii", 8, 1) + struct.pack("II", 2, 0)
return got({"open_by_handle_at": lambda: call(304, os.open("/", os.O_RDONLY), handle, 0)})""")),
    Attack("leaves by links", python("""
os.symlink(args["home"] + "/secret", "/tmp/soft")
return got({"symlink": lambda: read("/tmp/soft"), "hardlink": lambda: os.link("/etc/passwd", "/tmp/hard") is None,
            "rename": lambda: os.rename("/etc/hosts", "/tmp/hosts") is None})""")),
    Attack("makes and opens devices", python("""
import stat
attempts = {}
for name, mode, number in [("disk", stat.S_IFBLK, os.makedev(8, 0)), ("memory", stat.S_IFCHR, os.makedev(1, 1)),
                           ("virtual disk", stat.S_IFBLK, os.makedev(254, 0)), ("fuse", stat.S_IFCHR, os.makedev(10, 229))]:
    attempts[name] = lambda mode=mode, number=number: os.mknod("/tmp/device", mode | 0o666, number) is None
for path in ["/dev/mem", "/dev/kmem", "/dev/sda", "/dev/vda", "/dev/kmsg", "/dev/kvm", "/dev/net/tun", "/dev/fuse",
             "/dev/loop-control", "/dev/mapper/control", "/dev/console"]:
    attempts[path] = lambda path=path: [os.open(path, os.O_RDWR)]
return got(attempts)""")),
    Attack("mounts", python("""
return got({
    "tmpfs": lambda: libc.mount(b"none", b"/tmp", b"tmpfs", 0, None) == 0,
    "bind": lambda: libc.mount(b"/", b"/tmp", None, 4096, None) == 0,
    "remount": lambda: libc.mount(None, b"/", None, 4096 | 32, None) == 0,
    "umount": lambda: libc.umount2(b"/proc", 2) == 0,
    "open_tree": lambda: call(428, -100, b"/", 1),
    "fsopen": lambda: call(430, b"tmpfs", 0),
    "mount_setattr": lambda: call(442, -100, b"/", 0, b"\\0" * 32, 32)})""")),
    Attack("leaves files for others", python("""
for path in ("/tmp/mark", "/dev/shm/mark"):
    write(path)
return {"got": []}""")),
    Attack("finds files of others", python("""
return got({path: lambda path=path: os.path.exists(path) for path in ("/tmp/mark", "/dev/shm/mark")})""")),
    Attack("fills the directory entries", python("""
made = 0
try:
    for made in range(200_000):
        os.close(os.open(f"/tmp/{made}", os.O_CREAT | os.O_WRONLY))
except OSError as error:
    return {"made": made, "refused": error.errno}
return {"made": made}"""), lambda status, result: status != "success" or (result.get("refused") and result["made"] < 70_000)),
]
