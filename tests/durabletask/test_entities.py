"""Entities in Python: signals, calls, locks, and what clients see of them."""

import time
import unittest
from datetime import datetime, timedelta, timezone

import hub as near
from durabletask.client import EntityQuery, OrchestrationStatus
from durabletask.entities import DurableEntity, EntityInstanceId

HUB = "entities"
PATIENCE = 120


class Counter(DurableEntity):
    def add(self, amount):
        self.set_state(self.get_state(int, 0) + amount)
        return self.get_state(int, 0)

    def get(self, _):
        return self.get_state(int, 0)

    def slowly_add(self, amount):
        time.sleep(0.01)
        return self.add(amount)

    def fail(self, _):
        self.set_state(-1)
        raise ValueError("no such thing")

    def pass_on(self, amount):
        self.signal_entity(EntityInstanceId("Counter", "other"), "add", amount)

    def begin(self, amount):
        self.schedule_new_orchestration("adds", amount, instance_id=f"begun-{amount}")


def adds(context, amount):
    counter = EntityInstanceId("Counter", "asked")
    yield context.call_entity(counter, "add", amount)
    context.signal_entity(counter, "add", amount)
    return (yield context.call_entity(counter, "get"))


def fails(context, _):
    counter = EntityInstanceId("Counter", "failing")
    yield context.call_entity(counter, "add", 7)
    try:
        yield context.call_entity(counter, "fail")
    except Exception as error:
        return [str(error), (yield context.call_entity(counter, "get"))]


def moves(context, amount):
    """From one account to another; nobody sees it half done."""
    accounts = [EntityInstanceId("Counter", "left"), EntityInstanceId("Counter", "right")]
    with (yield context.lock_entities(accounts)):
        left = yield context.call_entity(accounts[0], "get")
        right = yield context.call_entity(accounts[1], "get")
        yield context.call_entity(accounts[0], "add", -amount)
        yield context.call_entity(accounts[1], "add", amount)
        return left + right


def holds(context, _):
    with (yield context.lock_entities([EntityInstanceId("Counter", "held")])):
        context.set_custom_status("holding")
        yield context.wait_for_external_event("never")


class Entities(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.worker = near.worker(HUB, [adds, fails, moves, holds], entities=[Counter])
        cls.client = near.client(HUB)

    @classmethod
    def tearDownClass(cls):
        cls.worker.stop()
        cls.client.close()

    def value_becomes(self, key, value):
        state = None
        for _ in range(PATIENCE * 10):
            entity = self.client.get_entity(EntityInstanceId("Counter", key))
            state = entity.get_state(int) if entity else None
            if state == value:
                return entity
            time.sleep(0.1)
        self.fail(f"{key} is {state}, not {value}")

    def run_orchestration(self, orchestrator, given=None):
        instance = self.client.schedule_new_orchestration(orchestrator, input=given)
        state = self.client.wait_for_orchestration_completion(instance, timeout=PATIENCE)
        self.assertEqual(state.runtime_status, OrchestrationStatus.COMPLETED, state.failure_details)
        return state.get_output()

    def signal(self, key, operation, given=None, **more):
        self.client.signal_entity(EntityInstanceId("Counter", key), operation, given, **more)

    def test_signals_are_done_one_after_the_other(self):
        for _ in range(50):
            self.signal("signaled", "slowly_add", 2)
        self.value_becomes("signaled", 100)

    def test_calls_are_answered(self):
        self.assertEqual(self.run_orchestration(adds, 3), 6)

    def test_failures_change_nothing(self):
        message, value = self.run_orchestration(fails)
        self.assertIn("no such thing", message)
        self.assertEqual(value, 7)

    def test_signals_may_be_later(self):
        at = datetime.now(timezone.utc) + timedelta(seconds=1)
        self.signal("late", "add", 1, signal_time=at)
        self.value_becomes("late", 1)
        self.assertGreaterEqual(datetime.now(timezone.utc), at)

    def test_entities_ask_for_more(self):
        self.signal("asking", "pass_on", 4)
        self.value_becomes("other", 4)
        self.signal("asking", "begin", 9)
        state = None
        while state is None:
            state = self.client.get_orchestration_state("begun-9")
        self.assertEqual(self.client.wait_for_orchestration_completion("begun-9", timeout=PATIENCE).name, "adds")

    def test_locks_keep_others_out(self):
        self.signal("left", "add", 100)
        self.value_becomes("left", 100)
        ids = [self.client.schedule_new_orchestration(moves, input=1) for _ in range(20)]
        sums = [self.client.wait_for_orchestration_completion(one, timeout=PATIENCE).get_output() for one in ids]
        self.assertEqual(sums, [100] * 20)
        self.value_becomes("left", 80)
        self.value_becomes("right", 20)

    def test_locks_end_with_their_owners(self):
        instance = self.client.schedule_new_orchestration(holds)
        while self.client.get_orchestration_state(instance).get_custom_status() != "holding":
            time.sleep(0.1)
        self.signal("held", "add", 1)
        held = self.client.get_entity(EntityInstanceId("Counter", "held"))
        self.assertFalse(held.get_state(), "nobody else is served")
        self.client.terminate_orchestration(instance)
        self.value_becomes("held", 1)

    def test_entities_are_found_and_removed(self):
        self.signal("gone", "add", 5)
        self.value_becomes("gone", 5)
        found = self.client.get_all_entities(EntityQuery(instance_id_starts_with="@counter@gone"))
        self.assertEqual([entity.get_state(int) for entity in found], [5])
        self.signal("gone", "delete")
        for _ in range(PATIENCE * 10):
            if self.client.get_entity(EntityInstanceId("Counter", "gone")) is None:
                break
            time.sleep(0.1)
        self.assertIsNone(self.client.get_entity(EntityInstanceId("Counter", "gone")))
        self.assertGreaterEqual(self.client.clean_entity_storage().empty_entities_removed, 1)


if __name__ == "__main__":
    unittest.main()
