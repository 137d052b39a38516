"""The server is killed while orchestrations run: they go on, and every activity is recorded once."""

import os
import random
import tempfile
import time
import unittest
import unittest.mock
import urllib.error

from harness import Server
from server import Case, begin, deploy, ended, look, rest

ROUNDS, WIDTH, INSTANCES, KILLS = 6, 4, 5, 4

ORCHESTRATOR = '''
from datetime import timedelta

import azure.durable_functions as df


def main_(context):
    total = 0
    for n in range(context.get_input()["rounds"]):
        done = yield context.task_all([context.call_activity("step", {"n": n * 10 + m}) for m in range(context.get_input()["width"])])
        total += sum(one["n"] for one in done)
        yield context.create_timer(context.current_utc_datetime + timedelta(milliseconds=100))
    context.signal_entity(df.EntityId("sums", "all"), "add", total)
    return total


main = df.Orchestrator.create(main_)
'''

ENTITY = '''
import azure.durable_functions as df


def sums(context):
    context.set_state(context.get_state(lambda: 0) + context.get_input())


main = df.Entity.create(sums)
'''

STEP = '''
import time


def main(args):
    time.sleep(0.05)
    return args
'''


def patiently(call):
    """Calls until there is a server that answers."""
    while True:
        try:
            return call()
        except (OSError, urllib.error.URLError):
            time.sleep(0.05)


class Killed(Case):
    def test_they_go_on(self):
        # The other server's addresses are no settings of this one.
        self.enterContext(unittest.mock.patch.dict("os.environ"))
        for name in ("WISP_APIHOST", "WISP_TLS_APIHOST", "WISP_AUTH"):
            os.environ.pop(name, None)
        home = tempfile.TemporaryDirectory()
        self.addCleanup(home.cleanup)
        server = Server(home.name)
        server.start()
        self.addCleanup(lambda: server.kill())
        where = lambda: f"http://127.0.0.1:{server.port}"
        for name, code, annotation in (("long", ORCHESTRATOR, "orchestrator"), ("sums", ENTITY, "entity"), ("step", STEP, None)):
            deploy(name, code, annotation, where())
        given = {"rounds": ROUNDS, "width": WIDTH}
        instances = [begin("long", given, f"long-{n}", where()) for n in range(INSTANCES)]
        for _ in range(KILLS):
            time.sleep(random.uniform(0.2, 1.5))
            server.kill()
            server.start()
        total = sum(n * 10 + m for n in range(ROUNDS) for m in range(WIDTH))
        for instance in instances:
            document = patiently(lambda: ended(instance, where()))
            self.assertEqual((document["runtimeStatus"], document["output"]), ("Completed", total), document)
            history = look(instance, "?showHistory=true", where())["history"]
            asked = [event["EventId"] for event in history if event["EventType"] == "TaskScheduled"]
            answered = [event["TaskScheduledId"] for event in history if event["EventType"] == "TaskCompleted"]
            self.assertEqual(sorted(answered), sorted(asked))
            self.assertEqual(len(asked), ROUNDS * WIDTH)
        records = rest("GET", "/activations?name=step&count=true", None, where())[1]
        self.assertEqual(records["activations"], INSTANCES * ROUNDS * WIDTH, "each activity is recorded once")
        deadline = time.monotonic() + 60
        while rest("GET", "/durable/entities/sums/all", None, where())[1] != INSTANCES * total:
            self.assertLess(time.monotonic(), deadline, "every signal is heard once")
            time.sleep(0.1)


if __name__ == "__main__":
    unittest.main()
