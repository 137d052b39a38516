"""The server is killed, again and again, while orchestrations run: all that was acknowledged ends as if nothing had happened."""

import os
import random
import sys
import tempfile
import threading
import time
import unittest
from datetime import timedelta
from pathlib import Path

sys.path.append(str(Path(__file__).parent.parent / "live"))

import hub as near
from durabletask import task
from durabletask.client import OrchestrationStatus
from durabletask.entities import DurableEntity, EntityInstanceId
from harness import KEY, Server

HUB = "killed"
KILLS = 5
INSTANCES = 40
PATIENCE = 300

# How often each activity was begun, by instance and number. Worker and test are one process that outlives the server.
begun = {}
lock = threading.Lock()


def step(_, at):
    with lock:
        begun[tuple(at)] = begun.get(tuple(at), 0) + 1
    time.sleep(0.01)
    return 1


class Tally(DurableEntity):
    def add(self, amount):
        self.set_state(self.get_state(int, 0) + amount)


def everything(context, _):
    """In a row, at once, a child, a pause, an event, and a signal."""
    total = 0
    for number in range(4):
        total += yield context.call_activity(step, input=[context.instance_id, number])
    at_once = [context.call_activity(step, input=[context.instance_id, number]) for number in range(4, 8)]
    total += sum((yield task.when_all(at_once)))
    total += yield context.call_sub_orchestrator(child, instance_id=context.instance_id + "-child")
    yield context.create_timer(timedelta(milliseconds=200))
    word = yield context.wait_for_external_event("go")
    context.signal_entity(EntityInstanceId("Tally", "all"), "add", 1)
    return [total, word]


def child(context, _):
    return (yield context.call_activity(step, input=[context.instance_id, 0]))


class Killed(unittest.TestCase):
    def test_nothing_is_lost(self):
        with tempfile.TemporaryDirectory() as home:
            server = Server(home)
            server.start()
            # The workers reconnect to the address that they know.
            where = {"address": f"127.0.0.1:{server.port}", "key": KEY}
            os.environ["WISP_AUTH"] = KEY
            client = near.client(HUB, **where)
            with near.worker(HUB, [everything, child], [step], [Tally], **where):
                ids = [client.schedule_new_orchestration(everything) for _ in range(INSTANCES)]
                told = set()
                for _ in range(KILLS):
                    self.tell(client, ids, told)
                    time.sleep(random.uniform(0.2, 1.5))
                    server.kill()
                    server.start(listen=where["address"])
                self.tell(client, ids, told, all_of_them=True)
                states = [self.end(client, one) for one in ids]
                self.assertEqual({state.runtime_status for state in states}, {OrchestrationStatus.COMPLETED})
                self.assertEqual({tuple(state.get_output()) for state in states}, {(9, "now")})
                for one in ids:
                    self.assertEqual({number for (of, number) in begun if of == one}, set(range(8)))
                    kinds = [type(event).__name__ for event in client.get_orchestration_history(one)]
                    self.assertEqual(kinds.count("TaskCompletedEvent"), 8, "a result is recorded once")
                    self.assertEqual(kinds.count("EventRaisedEvent"), 1)
                self.tallied(client)
            client.close()
            server.stop()

    def tell(self, client, ids, told, all_of_them=False):
        """Raises events that must not be lost once they are acknowledged; one that is not acknowledged is not told again, because
        it may have been heard."""
        self.reached(client, ids[0])
        for one in [one for one in ids if one not in told]:
            if all_of_them or random.random() < 0.3:
                client.raise_orchestration_event(one, "go", data="now")
                told.add(one)

    def reached(self, client, instance):
        """Waits until the client has found the server again."""
        for _ in range(PATIENCE * 10):
            try:
                return client.get_orchestration_state(instance)
            except Exception:
                time.sleep(0.1)
        self.fail("the server is not found again")

    def end(self, client, instance):
        state = client.wait_for_orchestration_completion(instance, timeout=PATIENCE)
        self.assertIsNotNone(state, instance)
        return state

    def tallied(self, client):
        """Every signal was done, and none twice."""
        value = None
        for _ in range(PATIENCE * 10):
            entity = client.get_entity(EntityInstanceId("Tally", "all"))
            value = entity.get_state(int) if entity else None
            if value is not None and value >= INSTANCES:
                break
            time.sleep(0.1)
        self.assertEqual(value, INSTANCES)


if __name__ == "__main__":
    unittest.main()
