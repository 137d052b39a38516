"""What orchestrators and entities do, in code that the packages run: the same for both languages."""

import json
import unittest
import uuid

from server import ENDPOINT, HERE, Case, begin, deploy, ended, look, rest, until, wisp

FUNCTIONS = HERE / "functions"
# The server as functions reach it.
INSIDE = "http://10.0.2.2:" + ENDPOINT.rsplit(":", 1)[1]


def raised(instance, event, value):
    status = rest("POST", f"/durable/instances/{instance}/raiseEvent/{event}", value)[0]
    assert status == 202, status


class Features:
    """Run for each language, with its app of the same names."""

    def setUp(self):
        deploy("features", FUNCTIONS / self.file, self.functions)
        self.addCleanup(rest, "DELETE", "/actions/features")

    def test_attempts_are_repeated_and_counted(self):
        flaky = "flaky-" + uuid.uuid4().hex[:8]
        deploy(flaky, FUNCTIONS / "flaky.js")
        result = self.output(begin("attempts", flaky))
        self.assertEqual(result["good"], [{"calls": 3}, {"input": 1}])
        self.assertIn("never", result["error"])
        self.assertEqual(result["after"], {"input": 2})

    def test_the_first_of_several_goes_on_and_the_others_stay(self):
        instance = begin("race")
        until(lambda: look(instance)["runtimeStatus"] == "Running", "it waits")
        raised(instance, "other", "b")
        until(lambda: "TaskCompleted" in str(look(instance, "?showHistory=true")["history"]), "the second race is over")
        self.assertEqual(look(instance)["runtimeStatus"], "Running")
        raised(instance, "one", "a")
        self.assertEqual(self.output(instance), {"first": "b", "second": {"input": 7}, "third": "a"})

    def test_orchestrations_start_others(self):
        instance = begin("parent")
        result = self.output(instance)
        self.assertEqual(result["ids"], [{"n": {"input": n}, "parent": True} for n in (1, 2)])
        self.assertIn("nothing to do", result["error"])

    def test_entities_are_asked_and_told(self):
        key = uuid.uuid4().hex
        result = self.output(begin("ledger", key))
        self.assertEqual(result, {"sum": 12, "refused": True})
        path = f"/durable/entities/{self.entity}/{key}"
        self.assertEqual(rest("GET", path)[:2], (200, [5, 7]))
        self.assertEqual(rest("POST", path + "?op=delete")[0], 202)
        until(lambda: rest("GET", path)[0] == 404, "it is gone")

    def test_the_web_is_called_from_a_sandbox_and_asked_again(self):
        self.assertEqual(self.output(begin("web", INSIDE + "/ping")), {"status": 200, "content": "pong"})
        deploy("poll", FUNCTIONS / "poll.js", web_export=True)
        polled = self.output(begin("web", INSIDE + "/api/v1/web/guest/default/poll"))
        self.assertEqual(polled, {"status": 200, "content": "there it is"})
        self.assertIn("", self.failure(begin("web", "http://127.0.0.1:1/")))

    def test_one_is_suspended_resumed_terminated_restarted_and_forgotten(self):
        instance = begin("endless", {"a": 1})
        path = f"/durable/instances/{instance}"
        self.assertEqual(rest("POST", path + "/suspend?reason=late")[0], 202)
        until(lambda: look(instance)["runtimeStatus"] == "Suspended", "it is suspended")
        self.assertEqual(rest("POST", path + "/resume?reason=now")[0], 202)
        until(lambda: look(instance)["runtimeStatus"] == "Running", "it goes on")
        self.assertEqual(rest("POST", path + "/terminate?reason=enough")[0], 202)
        document = ended(instance)
        self.assertEqual((document["runtimeStatus"], document["output"]), ("Terminated", "enough"))
        status, again, _ = rest("POST", path + "/restart?restartWithNewInstanceId=true")
        self.assertEqual((status, look(again)["input"]), (202, {"a": 1}))
        self.assertEqual(rest("DELETE", path)[:2], (200, {"instancesDeleted": 1}))
        self.assertEqual(rest("GET", path)[0], 404)
        self.assertEqual(rest("POST", f"/durable/instances/{again}/terminate?reason=")[0], 202)


class JavaScript(Features, Case):
    file, entity = "features.js", "ledger"
    functions = ["attempts", "race", "buffered", "parent", "ledger", "Ledger", "web", "endless"]

    def test_events_wait_for_who_waits_for_them(self):
        instance = begin("buffered", {"round": 1, "seen": []})
        for item in ("a", "b", "c"):
            raised(instance, "item", item)
        self.assertEqual(self.output(instance), ["a", "b", "c"])

    def test_entities_tell_others(self):
        key = uuid.uuid4().hex
        self.output(begin("ledger", key))
        path = f"/durable/entities/ledger/{key}-copy"
        until(lambda: rest("GET", path)[1] == [5, 7], "the copy has been told")

    def test_the_older_programming_model(self):
        for name, annotation in (("older", "orchestrator"), ("tally", "entity"), ("double", None)):
            deploy(name, FUNCTIONS / f"{name}.js", annotation)
            self.addCleanup(rest, "DELETE", f"/actions/{name}")
        self.assertEqual(self.output(begin("older")), 12)
        key = uuid.uuid4().hex
        for n in (1, 2):
            self.assertEqual(rest("POST", f"/durable/entities/tally/{key}?op=add", n)[0], 202)
        until(lambda: rest("GET", f"/durable/entities/tally/{key}")[1] == 3, "both are added")


class Python(Features, Case):
    file, entity = "features.py", "book"
    functions = ["attempts", "race", "parent", "ledger", "Book", "web", "endless", "drifting"]

    def test_code_that_depends_on_more_than_its_history_fails(self):
        self.assertIn("did not ask for what it had asked for before", self.failure(begin("drifting")))


class Marks(Case):
    def test_what_is_no_orchestrator_is_not_started(self):
        deploy("bare", FUNCTIONS / "double.js")
        self.addCleanup(rest, "DELETE", "/actions/bare")
        status, reply, _ = rest("POST", "/durable/orchestrators/bare", {})
        self.assertEqual(status, 404)
        self.assertIn("durable-function", reply["error"])
        deploy("bare", FUNCTIONS / "double.js", "orchestrator")
        self.assertIn("no durable function", self.failure(begin("bare")))

    def test_an_invocation_starts_one(self):
        for name, annotation in (("older", "orchestrator"), ("double", None)):
            deploy(name, FUNCTIONS / f"{name}.js", annotation)
            self.addCleanup(rest, "DELETE", f"/actions/{name}")
        status, activation, _ = rest("POST", "/actions/older?blocking=true", {"n": 1})
        self.assertEqual(status, 200)
        instance = activation["response"]["result"]["id"]
        self.assertEqual(instance, activation["activationId"])
        self.assertEqual(self.output(instance), 12)
        self.assertEqual(look(instance)["input"], {"n": 1})

    def test_an_activity_that_is_not_there_fails_its_orchestration(self):
        deploy("older", FUNCTIONS / "older.js", "orchestrator")
        self.addCleanup(rest, "DELETE", "/actions/older")
        self.assertIn("double", self.failure(begin("older")))

    def test_the_command_line(self):
        code = "import azure.durable_functions as df\n\ndef f(context):\n    return (yield context.wait_for_external_event('go'))\n\nmain = df.Orchestrator.create(f)\n"
        deploy("patient", code, "orchestrator")
        self.addCleanup(rest, "DELETE", "/actions/patient")
        instance = uuid.uuid4().hex
        self.assertIn("started " + instance, wisp("orchestration", "start", "patient", "--id", instance))
        self.assertIn("suspended", wisp("orchestration", "suspend", instance))
        self.assertIn("resumed", wisp("orchestration", "resume", instance))
        wisp("orchestration", "raise", instance, "go", "--input", '{"n": 1}')
        self.assertEqual(self.output(instance), {"n": 1})
        shown = json.loads(wisp("orchestration", "show", instance, "--history", "--output", "json"))
        self.assertIn("EventRaised", [event["EventType"] for event in shown["history"]])
        self.assertIn(instance, wisp("orchestration", "list", "--status", "Completed"))
        self.assertIn("started " + instance, wisp("orchestration", "restart", instance, "--same-id"))
        wisp("orchestration", "terminate", instance, "--reason", "enough")
        self.assertEqual(ended(instance)["output"], "enough")
        self.assertIn("purged", wisp("orchestration", "purge", instance))

    def test_lists_are_filtered_and_paged(self):
        deploy("older", FUNCTIONS / "older.js", "orchestrator")
        self.addCleanup(rest, "DELETE", "/actions/older")
        prefix = uuid.uuid4().hex
        ids = [begin("older", None, f"{prefix}-{n}") for n in range(5)]
        for instance in ids:
            ended(instance)
        query = f"/durable/instances/?runtimeStatus=Failed,Completed&instanceIdPrefix={prefix}"
        status, found, _ = rest("GET", query)
        self.assertEqual((status, sorted(one["instanceId"] for one in found)), (200, ids))
        status, page, headers = rest("GET", query + "&top=3")
        self.assertEqual((status, len(page), bool(headers["x-ms-continuation-token"])), (200, 3, True))
        self.assertEqual(rest("GET", query.replace("Failed,Completed", "Running"))[1], [])
        self.assertEqual(rest("GET", "/durable/instances?runtimeStatus=Odd")[0], 400)


if __name__ == "__main__":
    unittest.main()
