"""The network. Whatever is probed is in network namespaces that the test has made (see `world.py`)."""

from attack import Attack, isolate, node, python

CONNECT = """
def reach(host, port, family=socket.AF_INET):
    with socket.socket(family, socket.SOCK_STREAM) as connection:
        connection.settimeout(2)
        connection.connect((host, int(port)))
        return connection.recv(20)
"""


REACH = """
import { connect } from 'cloudflare:sockets';
const reach = async (hostname, port) => {
  const reader = connect({ hostname, port: Number(port) }).readable.getReader();
  const late = new Promise((done) => setTimeout(done, 2000, {}));
  return Boolean((await Promise.race([reader.read(), late])).value);
};
"""


def probe(name, body, **rest):
    return Attack(name, python(CONNECT + body), **rest)


ATTACKS = [
    probe("reaches the outside, which it may", """
return got({"outside": lambda: reach(args["outside"], args["port"])})""",
          holds=lambda status, result: result == {"got": ["outside"]}),
    probe("services on the host's loopback interface", """
hosts = ["127.0.0.1", "127.1.2.3", "localhost", "0.0.0.0", "10.0.2.2", "10.0.2.1", "10.0.2.3"]
return got({host: lambda host=host: reach(host, args["port"]) for host in hosts})"""),
    probe("services on the host's own address", """
return got({"host": lambda: reach(args["host"], args["port"])})"""),
    probe("the metadata service", """
return got({"metadata": lambda: reach("169.254.169.254", 80), "by number": lambda: reach("2852039166", 80)})"""),
    probe("loopback by IPv6", """
return got({host: lambda host=host: reach(host, args["port"], socket.AF_INET6)
            for host in ("::1", "::ffff:127.0.0.1", "::ffff:169.254.169.254", "fe80::1%eth0", "::")})"""),
    probe("loopback by UDP", """
def ask(host):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(1)
        s.sendto(b"x", (host, int(args["port"])))
        return s.recv(20)
return got({host: lambda host=host: ask(host) for host in ("127.0.0.1", args["host"], "169.254.169.254", "10.0.2.2")})"""),
    probe("neighbours", """
def sweep():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(0.5)
        for last in range(4, 30):
            s.sendto(b"x", (f"10.0.2.{last}", 7))
        return s.recv(20)
return got({"udp": sweep, "broadcast": lambda: reach("10.0.2.255", args["port"]),
            "multicast": lambda: reach("224.0.0.1", args["port"])})"""),
    probe("raw packets", """
def make(family, kind, protocol=0):
    return lambda: [socket.socket(family, kind, protocol)]
return got({"icmp": make(socket.AF_INET, socket.SOCK_RAW, 1), "raw": make(socket.AF_INET, socket.SOCK_RAW, 255),
            "packet": make(17, socket.SOCK_RAW, 0x0300), "arp": make(17, socket.SOCK_DGRAM, 0x0608),
            "vsock": make(40, socket.SOCK_STREAM), "xdp": make(44, socket.SOCK_RAW), "bluetooth": make(31, socket.SOCK_RAW),
            "alg": make(38, socket.SOCK_SEQPACKET), "can": make(29, socket.SOCK_RAW), "tipc": make(30, socket.SOCK_STREAM),
            "audit": make(16, socket.SOCK_RAW, 9), "generic": make(16, socket.SOCK_RAW, 16), "diag": make(16, socket.SOCK_RAW, 4)})"""),
    probe("another address or route", """
def netlink(kind, body):
    s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
    s.settimeout(1)
    s.send(struct.pack("IHHII", 16 + len(body), kind, 0x605, 1, 0) + body)
    return struct.unpack("i", s.recv(1000)[16:20])[0] == 0
import fcntl
def interface(number):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    return fcntl.ioctl(s, number, struct.pack("16sH14s", b"eth0", 2, b"\\0\\0" + socket.inet_aton("10.0.2.2"))) is not None
address = struct.pack("BBBBI", 2, 24, 0, 0, 2) + struct.pack("HH", 8, 2) + socket.inet_aton("10.0.2.2")
return got({"address": lambda: netlink(20, address), "ioctl address": lambda: interface(0x8916),
            "link down": lambda: interface(0x8914), "promiscuous": lambda: interface(0x8B00)})"""),
    probe("sockets of the host's other programs", """
def connect(address):
    s = socket.socket(socket.AF_UNIX); s.settimeout(1); s.connect(address)
    return s.recv(20)
return got({"abstract": lambda: connect("\\0" + args["abstract"]), "admin": lambda: connect(args["home"] + "/data/admin.sock"),
            "docker": lambda: connect("/var/run/docker.sock"), "bus": lambda: connect("/run/dbus/system_bus_socket")})"""),
    probe("the platform's administration by its API", """
import urllib.request
def admin(path):
    request = urllib.request.Request(os.environ["__OW_API_HOST"] + path)
    return urllib.request.urlopen(request, timeout=2).read()
return got({path: lambda path=path: admin(path) for path in ("/admin/users", "/api/v1/../../admin/users", "/api/v1/namespaces")})"""),
    probe("many connections", """
made = []
try:
    for _ in range(2000):
        s = socket.socket(); s.settimeout(2); s.connect((args["outside"], int(args["port"]))); made.append(s)
except OSError as error:
    return {"made": len(made), "refused": str(error)}
return {"made": len(made)}""", holds=lambda status, result: "refused" in result and result["made"] <= 1024,
          limits={"timeout": 30000}),
    node("services of the host from Node", """
const net = require('net');
const reach = (host, port) => new Promise((done) => {
  const socket = net.connect({ host, port, timeout: 2000 });
  socket.on('data', () => done(true)).on('error', () => done(false)).on('timeout', () => done(false)).on('close', () => done(false));
});
async function main({ host, port }) {
  const got = [];
  for (const name of ['127.0.0.1', '::1', host, '169.254.169.254']) if (await reach(name, port)) got.push(name);
  return { got };
}"""),
    isolate("reaches the outside from an isolate, which it may", REACH + """
export const main = async ({ outside, port }) => ({ got: (await reach(outside, port)) ? ['outside'] : [] });""",
            lambda status, result: result == {"got": ["outside"]}),
    isolate("services of the host from an isolate", REACH + """
export async function main({ host, port }) {
  const got = [];
  for (const name of ['127.0.0.1', '::1', '[::1]', host, '169.254.169.254', '10.0.2.2']) {
    try { if (await reach(name, port)) got.push(name); } catch {}
    try { await fetch(`http://${name}:${port}/`, { signal: AbortSignal.timeout(1000) }); got.push(`http ${name}`); } catch {}
  }
  return { got };
}""", limits={"timeout": 40000}),
]
