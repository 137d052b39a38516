"""The library with its own defaults, which shows no key: refused, unless the settings let in who is on this machine."""

import sys
import tempfile
import unittest
from pathlib import Path

sys.path.append(str(Path(__file__).parent.parent / "live"))

import hub
from durabletask.client import TaskHubGrpcClient
from durabletask.worker import TaskHubGrpcWorker
from harness import Server


def greets(context, name):
    return (yield context.call_activity(greet, input=name))


def greet(_, name):
    return "hello " + name


class Open(unittest.TestCase):
    def test_who_shows_no_key_is_refused(self):
        with TaskHubGrpcClient(host_address=hub.reach("any")["host_address"]) as client:
            with self.assertRaisesRegex(Exception, "UNAUTHENTICATED"):
                client.get_orchestration_state("any")

    def test_unless_this_machine_is_open(self):
        with tempfile.TemporaryDirectory() as home:
            server = Server(home)
            server.start("--dev", "--set", "orchestrations.open_namespace=guest")
            address = f"127.0.0.1:{server.port}"
            with TaskHubGrpcClient(host_address=address) as client, TaskHubGrpcWorker(host_address=address) as worker:
                worker.add_orchestrator(greets)
                worker.add_activity(greet)
                worker.start()
                instance = client.schedule_new_orchestration(greets, input="you")
                state = client.wait_for_orchestration_completion(instance, timeout=120)
                self.assertEqual(state.get_output(), "hello you")
            server.stop()


if __name__ == "__main__":
    unittest.main()
