"""Networks of the test's own: the host, whom functions must not reach, and the outside, whom they may."""

import os
import socket
import subprocess
import sys
import threading

HOST, OUTSIDE, METADATA = "198.51.100.1", "198.51.100.2", "169.254.169.254"
PORT = 4711
ABSTRACT = "wisp-hostile"
SETUP = f"""
ip link set lo up
ip link add here type veth peer name there
ip link set there netns {{pid}}
ip addr add {HOST}/24 dev here
ip link set here up
ip route add {METADATA} via {OUTSIDE}
nsenter -t {{pid}} -n ip addr add {OUTSIDE}/24 dev there
nsenter -t {{pid}} -n ip link set lo up
nsenter -t {{pid}} -n ip addr add {METADATA}/32 dev lo
nsenter -t {{pid}} -n ip link set there up
"""


def answer(service, visits):
    """Greets whoever comes, and remembers it."""

    def serve():
        while True:
            try:
                connection, peer = service.accept()
            except OSError:
                return
            visits.append(peer)
            connection.sendall(b"hello")
            connection.close()

    threading.Thread(target=serve, daemon=True).start()


def listen(addresses, visits):
    """Services at these addresses, in the network that this process is in."""
    for host, port in addresses:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        answer(socket.create_server((host, port), family=family, backlog=512), visits)


def outside():
    """The outside's process: answers at its address and at the metadata service's until its input ends."""
    visits = []
    print("ready", flush=True)
    sys.stdin.readline()
    listen([(OUTSIDE, PORT)], [])
    listen([(METADATA, 80), (METADATA, PORT)], visits)
    print("serving", flush=True)
    sys.stdin.readline()
    print(len(visits), flush=True)


class World:
    """What surrounds the server. Its process must be in a network namespace of its own."""

    def __init__(self):
        self.visits = []
        command = ["unshare", "--net", sys.executable, os.path.abspath(__file__)]
        pipe = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        self.outside = subprocess.Popen(command, **pipe)
        self.outside.stdout.readline()
        setup = SETUP.format(pid=self.outside.pid)
        subprocess.run(["sh", "-e", "-c", setup], check=True)
        self.tell()
        listen([("127.0.0.1", PORT), ("::1", PORT), (HOST, PORT), ("127.1.2.3", PORT)], self.visits)
        self.datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.datagrams.bind(("0.0.0.0", PORT))
        threading.Thread(target=self.echo, daemon=True).start()
        hidden = socket.socket(socket.AF_UNIX)
        hidden.bind("\0" + ABSTRACT)
        hidden.listen()
        answer(hidden, self.visits)
        self.hidden = hidden

    def echo(self):
        while True:
            _, peer = self.datagrams.recvfrom(100)
            self.visits.append(peer)
            self.datagrams.sendto(b"hello", peer)

    def tell(self):
        self.outside.stdin.write("\n")
        self.outside.stdin.flush()
        return self.outside.stdout.readline().strip()

    def close(self):
        """How often somebody came who must not."""
        count = int(self.tell()) + len(self.visits)
        self.outside.wait(10)
        return count


if __name__ == "__main__":
    outside()
