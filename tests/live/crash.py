"""Kills the server with SIGKILL under load, again and again; then everything it acknowledged must be there.

Acknowledged is: an accepted invocation (202), whose id must have a record in the end; and a blocking reply (200),
whose record must be readable. Nothing may be lost, and no restart may fail.
"""

import http.client
import os
import random
import tempfile
import threading
import time

from harness import Server, close

ROUNDS = int(os.environ.get("CRASH_ROUNDS", "6"))
CLIENTS = 8
ECHO = "async function main(p) { await new Promise((r) => setTimeout(r, p.ms || 0)); return p; }"


def load(server, stop, accepted, finished):
    """One client: mostly accepted invocations, some blocking ones, until the server is gone."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    while not stop.is_set():
        blocking = random.random() < 0.3
        body = {"ms": random.choice([0, 0, 0, 5]), "n": random.random()}
        try:
            status, reply = server.call("POST", f"/actions/echo?blocking={blocking}", body, connection)
        except (OSError, http.client.HTTPException):
            return
        if status == 202:
            accepted.append(reply["activationId"])
        elif status == 200:
            finished.append(reply["activationId"])


def missing(server, ids, seconds):
    """Those of the ids that have no record when the time is up."""
    end = time.monotonic() + seconds
    left = list(ids)
    while left and time.monotonic() < end:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        left = [id for id in left if server.call("GET", f"/activations/{id}", connection=connection)[0] != 200]
        time.sleep(0.2 if left else 0)
    return left


def main():
    with tempfile.TemporaryDirectory(prefix="wisp-crash-") as home:
        server = Server(home)
        server.start()
        server.deploy("echo", "nodejs:default", ECHO)
        accepted, finished = [], []
        for _ in range(ROUNDS):
            stop = threading.Event()
            clients = [threading.Thread(target=load, args=(server, stop, accepted, finished)) for _ in range(CLIENTS)]
            for client in clients:
                client.start()
            time.sleep(random.uniform(0.2, 1.5))
            server.kill()
            stop.set()
            for client in clients:
                client.join()
            server.start()
        lost = missing(server, accepted, 120)
        unread = missing(server, finished, 10)
        print(f"{ROUNDS} kills, {len(accepted)} accepted, {len(finished)} finished", flush=True)
        checks = {
            f"every accepted invocation has a record (missing {len(lost)}: {lost[:3]})": not lost,
            f"every finished invocation has a record (missing {len(unread)}: {unread[:3]})": not unread,
            "the load reached the server": len(accepted) > 5 * ROUNDS and len(finished) > ROUNDS,
            "the server ends with 0 on SIGTERM": server.stop() == 0,
        }
    close("crash", checks)


if __name__ == "__main__":
    main()
