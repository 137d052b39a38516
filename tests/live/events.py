"""What kill -9 must not do to events: lose or double an alarm or a message of a stream, lose a composition that was
promised."""

import json
import tempfile
import threading
import time

from broker import Nats
from harness import Server, close

ECHO = "const main = (params) => params;"
STEPS = """
const main = async ({ done = 0 }) =>
  done < 4 ? { action: 'slow', params: {}, state: { done: done + 1 } } : { params: { done } };
"""


def eventually(what, patience=120):
    """The first truthy thing that `what` returns; none when patience is over."""
    for _ in range(patience * 4):
        if found := what():
            return found
        time.sleep(0.25)


def feed(server, name, event, **params):
    """Tells a feed of the alarms something about the trigger `t`."""
    body = {"lifecycleEvent": event, "triggerName": "t", **params}
    return server.call("POST", f"/actions/alarms/{name}?blocking=true&result=true", body)


def fires(server):
    """The seconds for which the alarm fired, as the events' times tell, oldest first."""
    activations = server.call("GET", "/activations?name=t&limit=200&docs=true")[1]
    return sorted(activation["start"] // 1000 for activation in activations)


def count(server, name):
    return server.call("GET", f"/activations?name={name}&count=true")[1]["activations"]


def alarms(server, checks):
    server.deploy("echo", "nodejs:default", ECHO)
    # The binding is how a call of this namespace reaches a package of another one.
    server.call("PUT", "/packages/alarms", {"binding": {"namespace": "whisk.system", "name": "alarms"}})
    server.call("PUT", "/triggers/t", {})
    server.call("PUT", "/rules/r", {"trigger": "/_/t", "action": "/_/echo"})
    status, reply = feed(server, "alarm", "CREATE", cron="* * * * * *", missed="all", maxTriggers=12)
    checks[f"an alarm is made: {status} {reply}"] = status == 200
    for _ in range(3):
        eventually(lambda: fires(server))
        time.sleep(2.3)
        server.kill()
        time.sleep(1.1)
        server.start()
    ended = eventually(lambda: not feed(server, "alarm", "READ")[1]["status"]["active"])
    checks["the alarm ends after its last fire"] = bool(ended)
    checks[f"it fired twelve times, missed seconds included: {len(fires(server))}"] = len(fires(server)) == 12
    ran = eventually(lambda: count(server, "echo") >= 12) and count(server, "echo")
    checks[f"its action ran once for each: {ran}"] = ran == 12


def compositions(server, checks):
    server.deploy("slow", "nodejs:default", "const main = () => new Promise((end) => setTimeout(() => end({}), 500));")
    body = {"exec": {"kind": "nodejs:default", "code": STEPS}, "annotations": [{"key": "conductor", "value": True}]}
    server.call("PUT", "/actions/steps?overwrite=true", body)
    promised = server.call("POST", "/actions/steps")[1]["activationId"]
    eventually(lambda: count(server, "slow"))
    server.kill()
    server.start()
    found = eventually(lambda: server.call("GET", f"/activations/{promised}")[0] == 200)
    record = server.call("GET", f"/activations/{promised}")[1] if found else {}
    result = record.get("response", {}).get("result")
    checks[f"a promised composition ends after a restart, under its id: {result}"] = result == {"done": 4}
    checks["its record has its steps"] = len(record.get("logs", [])) == 9


MESSAGES = 600


def streams(server, home, checks):
    """Messages of a stream, while the server is killed twice and the broker once."""
    broker = Nats(f"{home}/nats")
    broker.start()
    broker.request("$JS.API.STREAM.CREATE.orders", json.dumps({"name": "orders", "subjects": ["orders"]}))
    server.deploy("order", "nodejs:default", ECHO)
    server.call("PUT", "/packages/nats", {"binding": {"namespace": "whisk.system", "name": "nats"}})
    server.call("PUT", "/triggers/orders", {})
    server.call("PUT", "/rules/ordered", {"trigger": "/_/orders", "action": "/_/order"})
    settings = {"url": f"nats://127.0.0.1:{broker.port}", "stream": "orders"}
    body = {"lifecycleEvent": "CREATE", "triggerName": "orders", **settings}
    status, reply = server.call("POST", "/actions/nats/stream?blocking=true&result=true", body)
    checks[f"a feed of a stream is made: {status} {reply}"] = status == 200

    def publish():
        for number in range(MESSAGES):
            if number == MESSAGES // 2:
                broker.kill()
                broker.start()
            broker.request("orders", json.dumps({"n": number}))
            time.sleep(0.01)

    publisher = threading.Thread(target=publish)
    publisher.start()
    for _ in range(2):
        seen = count(server, "order")
        eventually(lambda: count(server, "order") > seen)
        server.kill()
        server.start()
    publisher.join()
    eventually(lambda: count(server, "order") >= MESSAGES)
    time.sleep(2)
    ran = count(server, "order")
    checks[f"each message ran its action once, over kill -9 of server and broker: {ran}"] = ran == MESSAGES
    numbers = set()
    for skip in range(0, MESSAGES, 200):
        page = server.call("GET", f"/activations?name=order&limit=200&skip={skip}&docs=true")[1]
        numbers |= {activation["response"]["result"]["value"]["n"] for activation in page}
    checks[f"none was lost: {len(numbers)}"] = numbers == set(range(MESSAGES))
    broker.kill()
    path = "/actions/nats/stream?blocking=true&result=true"
    read = {"lifecycleEvent": "READ", "triggerName": "orders"}
    error = eventually(lambda: server.call("POST", path, read)[1]["status"]["error"])
    checks[f"a broker that is gone is visible: {error}"] = bool(error) and error.startswith("NATS:")


def main():
    checks = {}
    with tempfile.TemporaryDirectory(prefix="wisp-events-") as home:
        server = Server(home)
        server.start()
        alarms(server, checks)
        compositions(server, checks)
        streams(server, home, checks)
        server.stop()
    close("events", checks)


if __name__ == "__main__":
    main()
