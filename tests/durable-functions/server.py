"""The server that tests run against, and what many of them need."""

import base64
import json
import os
import subprocess
import time
import unittest
import urllib.error
import urllib.request
import uuid
from pathlib import Path

ENDPOINT = os.environ["WISP_APIHOST"]
KEY = os.environ["WISP_AUTH"]
HERE = Path(__file__).resolve().parent
EXAMPLES = HERE.parent.parent / "examples" / "durable"
KINDS = {".py": "python:default", ".js": "nodejs:default"}


def rest(method, path, body=None, endpoint=ENDPOINT):
    """Status, document and headers of a call below the namespace, with its key."""
    headers = {"Authorization": "Basic " + base64.b64encode(KEY.encode()).decode(), "Content-Type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{endpoint}/api/v1/namespaces/_{path}", data, headers, method=method)
    try:
        reply = urllib.request.urlopen(request, timeout=60)
    except urllib.error.HTTPError as error:
        reply = error
    with reply:
        text = reply.read()
        return reply.status, json.loads(text) if text else None, reply.headers


def wisp(*words, endpoint=ENDPOINT):
    """Runs the program as a user would; what it prints."""
    command = [os.environ["WISP"], *words, "--apihost", endpoint, "--auth", KEY]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    if done.returncode:
        raise AssertionError(f"wisp {' '.join(words)}: {done.stderr}")
    return done.stdout


def deploy(name, code, annotation=None, endpoint=ENDPOINT, **annotations):
    """Deploys code: a path, or text of Python."""
    path = code if isinstance(code, Path) else None
    kind = KINDS[path.suffix] if path else KINDS[".py"]
    marks = {"durable-function": annotation} if annotation else {}
    marks = [{"key": key.replace("_", "-"), "value": value} for key, value in {**marks, **annotations}.items()]
    body = {"exec": {"kind": kind, "code": path.read_text() if path else code}, "annotations": marks}
    status, reply, _ = rest("PUT", f"/actions/{name}?overwrite=true", body, endpoint)
    if status != 200:
        raise AssertionError(f"{name} cannot be deployed: {reply}")


def begin(orchestrator, given=None, instance=None, endpoint=ENDPOINT):
    """Starts an orchestration; its id."""
    instance = instance or uuid.uuid4().hex
    status, reply, _ = rest("POST", f"/durable/orchestrators/{orchestrator}/{instance}", given, endpoint)
    if status != 202:
        raise AssertionError(f"{orchestrator} cannot be started: {status} {reply}")
    return reply["id"]


def look(instance, query="", endpoint=ENDPOINT):
    """How an instance stands."""
    status, document, _ = rest("GET", f"/durable/instances/{instance}{query}", None, endpoint)
    if status not in (200, 202):
        raise AssertionError(f"{instance}: {status} {document}")
    return document


def until(holds, what, seconds=90):
    """Waits until something holds; what it gave."""
    deadline = time.monotonic() + seconds
    while True:
        found = holds()
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError("it never was so: " + what)
        time.sleep(0.05)


def ended(instance, endpoint=ENDPOINT):
    """The document of an instance that has ended."""
    over = lambda: (document := look(instance, "", endpoint))["runtimeStatus"] not in ("Pending", "Running") and document
    return until(over, f"{instance} ends")


class Case(unittest.TestCase):
    def output(self, instance):
        """The output of an instance that has succeeded."""
        document = ended(instance)
        self.assertEqual(document["runtimeStatus"], "Completed", document)
        return document["output"]

    def failure(self, instance):
        """Why an instance has failed."""
        document = ended(instance)
        self.assertEqual(document["runtimeStatus"], "Failed", document)
        return document["output"]
