"""What kill -9 must not do to events: lose or double an alarm, lose a composition that was promised."""

import tempfile
import time

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


def main():
    checks = {}
    with tempfile.TemporaryDirectory(prefix="wisp-events-") as home:
        server = Server(home)
        server.start()
        alarms(server, checks)
        compositions(server, checks)
        server.stop()
    close("events", checks)


if __name__ == "__main__":
    main()
