"""What kill -9 must not do to events that fail: lose or double a retry, lose a dead letter, let a loop go on."""

import http.client
import tempfile
import time

from harness import HEADERS, NAMESPACE, Server, close

# Fails as long as `fails` says; the event tells which, the platform how often it has run.
FAILING = "const main = ({ x }) => ({ error: `no ${x}` });"
RUNAWAY = """
const http = require('http');
const main = ({ lap = 0 }) => new Promise((end) => {
  const { hostname, port } = new URL(process.env.__OW_API_HOST);
  const headers = { authorization: 'Basic ' + Buffer.from(process.env.__OW_API_KEY).toString('base64'),
    'content-type': 'application/json' };
  const path = '/api/v1/namespaces/_/triggers/again';
  http.request({ hostname, port, path, method: 'POST', headers }, (reply) => {
    reply.resume().on('end', () => end({ lap, status: reply.statusCode }));
  }).end(JSON.stringify({ lap: lap + 1 }));
});
"""


def eventually(what, patience=120):
    """The first truthy thing that `what` returns; none when patience is over."""
    for _ in range(patience * 4):
        if found := what():
            return found
        time.sleep(0.25)


def records(server, name):
    return server.call("GET", f"/activations?name={name}&limit=200&docs=true")[1]


def rule(server, name, trigger, action, **policy):
    server.call("PUT", f"/triggers/{trigger}?overwrite=true", {})
    annotations = [{"key": "delivery", "value": policy}]
    body = {"trigger": f"/_/{trigger}", "action": f"/_/{action}", "annotations": annotations}
    status, reply = server.call("PUT", f"/rules/{name}?overwrite=true", body)
    if status != 200:
        raise SystemExit(f"{name} cannot be made: {status} {reply}")


def restart(server):
    server.kill()
    server.start()


def retries(server, checks):
    """Five events, three attempts each, the server killed again and again: fifteen runs, five letters."""
    server.deploy("failing", "nodejs:default", FAILING)
    rule(server, "tried", "events", "failing", attempts=3, backoff=3000, maxBackoff=3000, jitter=0)
    for x in range(5):
        server.call("POST", "/triggers/events", {"x": x})
    eventually(lambda: len(records(server, "failing")) >= 5)
    restart(server)
    waiting = [record["activationId"] for record in records(server, "failing")]
    checks["the first attempts have records after a kill"] = len(waiting) >= 5
    eventually(lambda: len(records(server, "failing")) >= 10)
    restart(server)
    letters = eventually(lambda: len(found := server.call("GET", "/dlq")[1]) == 5 and found) or []
    checks[f"all five became dead letters: {len(letters)}"] = len(letters) == 5
    restart(server)
    letters = server.call("GET", "/dlq")[1]
    checks["and survive another kill"] = len(letters) == 5
    events = sorted(server.call("GET", f"/dlq/{letter['id']}")[1]["event"]["x"] for letter in letters)
    checks[f"each event is there once: {events}"] = events == [0, 1, 2, 3, 4]
    attempts = [len({attempt["activationId"] for attempt in letter["attempts"]}) for letter in letters]
    checks[f"each was tried three times: {attempts}"] = attempts == [3] * 5
    time.sleep(4)
    runs = len(records(server, "failing"))
    # A run that was cut off by a kill has no record and runs again under the same id.
    checks[f"nothing was tried more often than that: {runs}"] = runs == 15
    failing = server.call("GET", "/rules/tried")[1].get("failing", {})
    checks[f"the rule is shown as failing: {failing}"] = failing.get("failures") == 15


def redriven(server, checks):
    """Letters are delivered again by a function that has been mended, over a kill."""
    server.deploy("failing", "nodejs:default", "const main = ({ x }) => ({ x });")
    status, moved = server.call("POST", "/dlq?rule=tried")
    checks[f"all are delivered again: {status} {moved}"] = (status, moved) == (202, {"done": 5, "left": 0})
    restart(server)
    done = lambda: [run for run in records(server, "failing") if run["response"]["success"]]
    eventually(lambda: len(done()) >= 5)
    values = sorted(run["response"]["result"]["x"] for run in done())
    checks[f"each once: {values}"] = values == [0, 1, 2, 3, 4]
    checks["no letter is left"] = server.call("GET", "/dlq")[1] == []
    checks["the rule fails no more"] = "failing" not in server.call("GET", "/rules/tried")[1]


def ordered(server, checks):
    """Events of one key keep their order over a kill, the one that is being retried included."""
    # Records have milliseconds, so a run must last longer than one.
    wait = "new Promise((done) => setTimeout(done, 20))"
    server.deploy("steps", "nodejs:default", f"const main = ({{ n, fail }}) => {wait}.then(() => (fail ? {{ error: 'no' }} : {{ n }}));")
    rule(server, "inorder", "moves", "steps", attempts=2, backoff=3000, jitter=0, orderBy="/key")
    for n in range(6):
        server.call("POST", "/triggers/moves", {"key": "k", "n": n, "fail": n == 1})
    eventually(lambda: len(records(server, "steps")) >= 2)
    restart(server)
    eventually(lambda: len(records(server, "steps")) >= 7)
    runs = sorted(records(server, "steps"), key=lambda run: run["start"])
    ran = [run["response"]["result"].get("n", "no") for run in runs if run["name"] == "steps" and run.get("end")]
    checks[f"they ran in their order: {ran}"] = ran == [0, "no", "no", 2, 3, 4, 5]


def loops(server, checks):
    """A function that fires the trigger that runs it is stopped, though it uses no client of ours."""
    body = {
        "exec": {"kind": "nodejs:default", "code": RUNAWAY},
        "annotations": [{"key": "provide-api-key", "value": True}],
    }
    server.call("PUT", "/actions/runaway?overwrite=true", body)
    rule(server, "onagain", "again", "runaway")
    server.call("POST", "/triggers/again", {"lap": 0})
    stopped = lambda: [run for run in records(server, "runaway") if run["response"]["result"].get("status") == 422]
    checks["a function that fires its own trigger is stopped"] = bool(eventually(stopped))
    laps = sorted(run["response"]["result"]["lap"] for run in records(server, "runaway"))
    checks[f"after as many laps as may be: {laps}"] = laps == list(range(17))
    chains = [
        annotation["value"]
        for fire in records(server, "again")
        for annotation in fire["annotations"]
        if annotation["key"] == "chain"
    ]
    deepest = max((chain["depth"] for chain in chains), default=0)
    checks[f"the record has the chain: {deepest}"] = deepest == 17
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    connection.request("GET", "/metrics", headers=HEADERS)
    metrics = connection.getresponse().read().decode()
    checks["it is counted"] = 'wisp_loops_refused_total{reason="depth"} 1' in metrics


def main():
    checks = {}
    with tempfile.TemporaryDirectory(prefix="wisp-delivery-") as home:
        server = Server(home)
        server.start()
        retries(server, checks)
        redriven(server, checks)
        ordered(server, checks)
        loops(server, checks)
        server.stop()
    close("delivery", checks)


if __name__ == "__main__":
    main()
