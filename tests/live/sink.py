"""Events that a rule sends to a sink outside, as the SDK of CloudEvents reads them, and what becomes of those that the sink
does not take."""

import http.client
import json
import os
import sys
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

sys.path.insert(0, os.environ["WISP_TEST_PYTHON_PACKAGES"])

from cloudevents.core.bindings.http import HTTPMessage, from_http_event  # noqa: E402
from cloudevents.core.formats.json import JSONFormat  # noqa: E402

from harness import HEADERS, Server, close  # noqa: E402


class Sink(ThreadingHTTPServer):
    """Keeps what it is sent, and answers as it is told."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Receiver)
        self.requests, self.statuses = [], []
        self.url = f"http://127.0.0.1:{self.server_port}/events?from=wisp"
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        status = self.server.statuses.pop(0) if self.server.statuses else 202
        self.server.requests.append((self.path, dict(self.headers), body))
        self.send_response(status)
        if status == 302:
            self.send_header("location", self.path)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def eventually(what, patience=60):
    """The first truthy thing that `what` returns; none when patience is over."""
    for _ in range(patience * 4):
        if found := what():
            return found
        time.sleep(0.25)


def read(request):
    """A request as the SDK reads it."""
    _, headers, body = request
    return from_http_event(HTTPMessage(headers=headers, body=body), JSONFormat())


def http_call(server, path, body, headers={}):
    """The status of a POST by the key of the namespace."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    connection.request("POST", path, json.dumps(body), {**HEADERS, **headers})
    return connection.getresponse().status


def rule(server, name, parameters, **policy):
    """A trigger, and a rule that sends what fires it as a binding of these parameters says."""
    pairs = [{"key": key, "value": value} for key, value in parameters.items()]
    bound = {"binding": {"namespace": "whisk.system", "name": "cloudevents"}, "parameters": pairs}
    made = [
        server.call("PUT", f"/packages/{name}-sink?overwrite=true", bound),
        server.call("PUT", f"/triggers/{name}?overwrite=true", {}),
        server.call(
            "PUT",
            f"/rules/{name}-rule?overwrite=true",
            {
                "trigger": f"/_/{name}",
                "action": f"/_/{name}-sink/send",
                "annotations": [{"key": "delivery", "value": {"jitter": 0, **policy}}],
            },
        ),
    ]
    if any(status != 200 for status, _ in made):
        raise SystemExit(f"the rule {name} cannot be made: {made}")


def letter(server, name):
    """The dead letter of a rule's only event."""
    found = lambda: [letter for letter in server.call("GET", "/dlq")[1] if letter["rule"].endswith(f"/{name}-rule")]
    letters = eventually(found) or [{}]
    return server.call("GET", f"/dlq/{letters[0].get('id')}")[1]


def modes(server, sink, checks):
    server.call("PUT", "/secrets/token", {"value": "Bearer sesame"})
    for mode in ("binary", "structured"):
        parameters = {"url": sink.url, "mode": mode, "type": "com.example.order", "subject": 'né "1"', "extensions": {"shop": "eu"}}
        rule(server, mode, {**parameters, "headers": {"authorization": {"secret": "token"}, "x-kind": "test"}})
        sink.requests.clear()
        fired = server.call("POST", f"/triggers/{mode}", {"n": 1, "url": "http://elsewhere.example/"})[1]["activationId"]
        eventually(lambda: sink.requests)
        path, headers, _ = sink.requests[0]
        event = read(sink.requests[0])
        headers = {name.lower(): value for name, value in headers.items()}
        checks[f"{mode}: the request goes where the binding says: {path}"] = path == "/events?from=wisp"
        sent = (headers.get("authorization"), headers.get("x-kind"))
        checks[f"{mode}: with its headers, secrets open: {sent}"] = sent == ("Bearer sesame", "test")
        said = (event.get_id(), event.get_type(), event.get_source(), event.get_subject(), event.get_extension("shop"))
        expected = (fired, "com.example.order", f"/namespaces/guest/triggers/{mode}", 'né "1"', "eu")
        checks[f"{mode}: the event has its attributes: {said}"] = said == expected
        checks[f"{mode}: and its data: {event.get_data()}"] = event.get_data() == {"n": 1, "url": "http://elsewhere.example/"}


def cloudevents(server, sink, checks):
    """What is a CloudEvent goes on as it is."""
    rule(server, "through", {"url": sink.url})
    event = {"specversion": "1.0", "id": "7", "source": "/shop", "type": "order", "datacontenttype": "text/plain", "data": "héllo"}
    sink.requests.clear()
    server.call("POST", "/triggers/through", event)
    eventually(lambda: sink.requests)
    got = read(sink.requests[0])
    said = (got.get_id(), got.get_source(), got.get_type(), got.get_data())
    checks[f"a CloudEvent goes on as it is: {said}"] = said == ("7", "/shop", "order", "héllo")


def batches(server, sink, checks):
    """What a feed puts together goes out together."""
    rule(server, "many", {"url": sink.url, "mode": "batched", "type": "com.example.order"}, attempts=2, backoff=100)
    feed = {"lifecycleEvent": "CREATE", "triggerName": "/_/many", "token": "sesame", "batchSize": 3, "map": "event.data"}
    fed = http_call(server, "/api/v1/namespaces/whisk.system/actions/cloudevents/http?blocking=true", feed)
    checks[f"a feed with batches is connected: {fed}"] = fed == 200
    events = [{"specversion": "1.0", "id": str(n), "source": "/shop", "type": "order", "data": {"n": n}} for n in range(4)]
    sink.requests.clear()
    sink.statuses = [503]
    kind = {"Content-Type": "application/cloudevents-batch+json"}
    taken = http_call(server, "/api/v1/events/guest/many", events, kind)
    checks[f"it takes a batch: {taken}"] = taken in (200, 202, 204)
    eventually(lambda: len(sink.requests) == 3)
    kinds = {headers["content-type"] for _, headers, _ in sink.requests}
    checks[f"requests are batches: {kinds}"] = kinds == {"application/cloudevents-batch+json; charset=utf-8"}
    read_all = lambda body: [JSONFormat().read(None, json.dumps(event)) for event in json.loads(body)]
    sent = [read_all(body) for _, _, body in sink.requests]
    data = sorted([event.get_data()["n"] for event in batch] for batch in sent)
    checks[f"as large as the feed's, and once more what was refused: {data}"] = data in ([[0, 1, 2], [0, 1, 2], [3]], [[0, 1, 2], [3], [3]])
    ids = {event.get_id() for batch in sent for event in batch}
    checks[f"each event has an id, which another attempt keeps: {ids}"] = len(ids) == 4


def refusals(server, sink, checks):
    rule(server, "again", {"url": sink.url}, attempts=3, backoff=200)
    sink.requests.clear()
    sink.statuses = [503, 500, 202]
    server.call("POST", "/triggers/again", {"n": 1})
    eventually(lambda: len(sink.requests) == 3)
    ids = {read(request).get_id() for request in sink.requests}
    checks[f"what the sink refuses is sent again, under its id: {len(sink.requests)} {ids}"] = len(sink.requests) == 3 and len(ids) == 1
    for name, url, part in (
        ("moved", sink.url, "redirections are not followed"),
        ("nobody", "http://127.0.0.1:1/", "no answer"),
        ("elsewhere", "http://127.0.0.2:80/", "outbound.hosts"),
        ("other", "file:///etc/passwd", "not like https"),
    ):
        rule(server, name, {"url": url}, attempts=2, backoff=100)
        sink.statuses = [302, 302]
        server.call("POST", f"/triggers/{name}", {"n": 1})
        attempts = [attempt["error"] for attempt in letter(server, name).get("attempts", [])]
        checks[f"{name}: the event becomes a dead letter after its attempts: {attempts}"] = (
            len(attempts) == 2 and all(part in attempt for attempt in attempts)
        )


def forbidden(home, sink, checks):
    """Without a setting, nothing inside this machine is reached."""
    server = Server(home)
    server.start()
    rule(server, "inside", {"url": sink.url})
    sink.requests.clear()
    server.call("POST", "/triggers/inside", {})
    attempts = [attempt["error"] for attempt in letter(server, "inside").get("attempts", [])]
    checks[f"what functions cannot reach is refused: {attempts}"] = (
        len(attempts) == 1 and "no function may connect" in attempts[0] and not sink.requests
    )
    server.stop()


def main():
    checks = {}
    sink = Sink()
    with tempfile.TemporaryDirectory() as home:
        server = Server(home)
        server.start("--dev", "--set", f'outbound.hosts=["127.0.0.1:{sink.server_port}", "127.0.0.1:1"]')
        modes(server, sink, checks)
        cloudevents(server, sink, checks)
        batches(server, sink, checks)
        refusals(server, sink, checks)
        server.stop()
    with tempfile.TemporaryDirectory() as home:
        forbidden(home, sink, checks)
    close("cloudevents", checks)


if __name__ == "__main__":
    main()
