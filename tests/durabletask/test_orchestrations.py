"""Orchestrations as code in Python: everything that the library offers, against the server."""

import time
import unittest
from datetime import datetime, timedelta, timezone

import grpc
import hub as near
from durabletask import task
from durabletask.client import OrchestrationQuery, OrchestrationStatus
from durabletask.internal.orchestrator_service_pb2 import ActivityResponse, GetWorkItemsRequest
from durabletask.internal.orchestrator_service_pb2_grpc import TaskHubSidecarServiceStub

HUB = "python"
WORKERS = "workers"
PATIENCE = 120

# Activities that fail do so until this is set.
mended = False


def plus_one(_, number):
    return number + 1


def fragile(_, word):
    if not mended:
        raise ValueError("broken " + word)
    return "mended " + word


def chain(context, number):
    for _ in range(3):
        number = yield context.call_activity(plus_one, input=number)
    return number


def fan(context, count):
    tasks = [context.call_activity(plus_one, input=number) for number in range(count)]
    numbers = yield task.when_all(tasks)
    return sum(numbers)


def approval(context, seconds):
    context.set_custom_status("asking")
    asked = context.wait_for_external_event("approval")
    late = context.create_timer(timedelta(seconds=seconds))
    first = yield task.when_any([asked, late])
    return asked.get_result() if first is asked else "nobody answered"


def parent(context, number):
    one = yield context.call_sub_orchestrator(chain, input=number, instance_id=context.instance_id + "-child")
    try:
        yield context.call_sub_orchestrator(breaks)
    except task.TaskFailedError as error:
        return [one, error.details.message]


def breaks(context, _):
    yield context.create_timer(timedelta(milliseconds=1))
    raise ValueError("broken on purpose")


def counts_down(context, left):
    if left == 0:
        return "done"
    yield context.call_activity(plus_one, input=left)
    context.continue_as_new(left - 1)


def gathers(context, found):
    """Takes an event in each generation; those that came early are not lost."""
    if len(found) == 3:
        return found
    word = yield context.wait_for_external_event("word")
    context.continue_as_new(found + [word], save_events=True)


def forever(context, _):
    yield context.wait_for_external_event("never")


def family(context, _):
    yield context.call_sub_orchestrator(forever, instance_id=context.instance_id + "-child")


def listens(context, _):
    words = []
    for _ in range(2):
        words.append((yield context.wait_for_external_event("word")))
    return words


def mendable(context, _):
    first = yield context.call_activity(plus_one, input=1)
    second = yield context.call_activity(fragile, input="work")
    third = yield context.call_sub_orchestrator(mendable_child, instance_id=context.instance_id + "-child")
    return [first, second, third]


def mendable_child(context, _):
    return (yield context.call_activity(fragile, input="child"))


def retries(context, _):
    policy = task.RetryPolicy(first_retry_interval=timedelta(milliseconds=10), max_number_of_attempts=3)
    return (yield context.call_activity(third_time, retry_policy=policy))


attempts = []


def third_time(_, __):
    attempts.append(1)
    if len(attempts) < 3:
        raise ValueError("not yet")
    return len(attempts)


def speaks(context, instance):
    yield context.create_timer(timedelta(milliseconds=1))
    context.send_event(instance, "word", data="from another")
    return "sent"


ORCHESTRATORS = [
    chain, fan, approval, parent, breaks, counts_down, gathers, forever, family, listens, mendable, mendable_child,
    retries, speaks,
]


class Orchestrations(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.worker = near.worker(HUB, ORCHESTRATORS, [plus_one, fragile, third_time])
        cls.client = near.client(HUB)

    @classmethod
    def tearDownClass(cls):
        cls.worker.stop()
        cls.client.close()

    def begin(self, orchestrator, given=None, **more):
        return self.client.schedule_new_orchestration(orchestrator, input=given, **more)

    def end(self, instance):
        state = self.client.wait_for_orchestration_completion(instance, timeout=PATIENCE)
        self.assertIsNotNone(state, instance)
        return state

    def completes(self, orchestrator, given, expected, **more):
        state = self.end(self.begin(orchestrator, given, **more))
        self.assertEqual(state.runtime_status, OrchestrationStatus.COMPLETED, state.failure_details)
        self.assertEqual(state.get_output(), expected)
        return state

    def becomes(self, instance, status):
        """Waits until an instance has a status."""
        for _ in range(PATIENCE * 10):
            state = self.client.get_orchestration_state(instance)
            if state.runtime_status == status:
                return state
            time.sleep(0.1)
        self.fail(f"{instance} is {state.runtime_status}, not {status}")

    def test_activities_follow_each_other(self):
        state = self.completes(chain, 1, 4)
        self.assertEqual(state.name, "chain")
        self.assertEqual(state.get_input(), 1)

    def test_activities_fan_out_and_in(self):
        self.completes(fan, 80, sum(range(1, 81)))

    def test_what_is_waited_for_comes(self):
        instance = self.begin(approval, 3600)
        self.client.wait_for_orchestration_start(instance, timeout=PATIENCE)
        self.client.raise_orchestration_event(instance, "approval", data="granted")
        state = self.end(instance)
        self.assertEqual(state.get_output(), "granted")
        self.assertEqual(state.get_custom_status(), "asking")

    def test_or_does_not(self):
        self.completes(approval, 0.2, "nobody answered")

    def test_children_succeed_and_fail(self):
        instance = self.begin(parent, 5)
        state = self.end(instance)
        one, message = state.get_output()
        self.assertEqual(one, 8)
        self.assertIn("broken on purpose", message)
        self.assertEqual(self.client.get_orchestration_state(instance + "-child").get_output(), 8)

    def test_histories_begin_anew(self):
        state = self.completes(counts_down, 5, "done")
        history = self.client.get_orchestration_history(state.instance_id)
        self.assertLess(len(history), 10, "a generation's history is all there is")

    def test_events_outlive_generations(self):
        instance = self.begin(gathers, [])
        for word in ["one", "two", "three"]:
            self.client.raise_orchestration_event(instance, "word", data=word)
        self.assertEqual(self.end(instance).get_output(), ["one", "two", "three"])

    def test_ends_from_outside_reach_children(self):
        instance = self.begin(family)
        child = self.becomes_there(instance + "-child")
        self.client.terminate_orchestration(instance, output="enough", recursive=True)
        state = self.end(instance)
        self.assertEqual(state.runtime_status, OrchestrationStatus.TERMINATED)
        self.assertEqual(state.get_output(), "enough")
        self.assertEqual(self.end(child).runtime_status, OrchestrationStatus.TERMINATED)

    def becomes_there(self, instance):
        for _ in range(PATIENCE * 10):
            if self.client.get_orchestration_state(instance):
                return instance
            time.sleep(0.1)
        self.fail(instance + " never was")

    def test_one_that_waits_hears_later(self):
        instance = self.begin(listens)
        self.becomes(instance, OrchestrationStatus.RUNNING)
        self.client.suspend_orchestration(instance)
        self.becomes(instance, OrchestrationStatus.SUSPENDED)
        for word in ["one", "two"]:
            self.client.raise_orchestration_event(instance, "word", data=word)
        with self.assertRaises(TimeoutError):
            self.client.wait_for_orchestration_completion(instance, timeout=2)
        self.client.resume_orchestration(instance)
        self.assertEqual(self.end(instance).get_output(), ["one", "two"])

    def test_one_goes_on_from_where_it_failed(self):
        global mended
        mended = False
        instance = self.begin(mendable)
        self.assertEqual(self.end(instance).runtime_status, OrchestrationStatus.FAILED)
        with self.assertRaisesRegex(Exception, "ALREADY_EXISTS"):
            self.begin(mendable, instance_id=instance)
        mended = True
        self.client.rewind_orchestration(instance, reason="it is mended")
        state = self.end(instance)
        self.assertEqual(state.runtime_status, OrchestrationStatus.COMPLETED, state.failure_details)
        self.assertEqual(state.get_output(), [2, "mended work", "mended child"])
        with self.assertRaisesRegex(Exception, "FAILED_PRECONDITION"):
            self.client.rewind_orchestration(instance, reason="it has not failed")

    def test_attempts_are_made_again(self):
        self.completes(retries, None, 3)

    def test_instances_talk(self):
        instance = self.begin(listens)
        self.completes(speaks, instance, "sent")
        self.client.raise_orchestration_event(instance, "word", data="from outside")
        self.assertEqual(sorted(self.end(instance).get_output()), ["from another", "from outside"])

    def test_starts_may_be_later(self):
        at = datetime.now(timezone.utc) + timedelta(seconds=2)
        instance = self.begin(chain, 1, start_at=at)
        self.assertEqual(self.client.get_orchestration_state(instance).runtime_status, OrchestrationStatus.PENDING)
        self.assertEqual(self.end(instance).get_output(), 4)
        self.assertGreaterEqual(datetime.now(timezone.utc), at)

    def test_one_that_has_ended_runs_once_more(self):
        first = self.completes(chain, 10, 13).instance_id
        again = self.client.restart_orchestration(first)
        self.assertEqual(again, first)
        self.assertEqual(self.end(again).get_output(), 13)
        other = self.client.restart_orchestration(first, restart_with_new_instance_id=True)
        self.assertNotEqual(other, first)
        self.assertEqual(self.end(other).get_output(), 13)

    def test_instances_are_found_and_purged(self):
        since = datetime.now(timezone.utc)
        ids = {self.completes(chain, number, number + 3, tags={"n": str(number)}).instance_id for number in range(3)}
        waiting = self.begin(forever)
        query = OrchestrationQuery(created_time_from=since, max_instance_count=2, fetch_inputs_and_outputs=True)
        found = {state.instance_id: state for state in self.client.get_all_orchestration_states(query)}
        self.assertLessEqual(ids | {waiting}, set(found))
        self.assertEqual({found[one].get_output() for one in ids}, {3, 4, 5})
        query.runtime_status = [OrchestrationStatus.RUNNING, OrchestrationStatus.PENDING]
        self.assertFalse(ids & {state.instance_id for state in self.client.get_all_orchestration_states(query)})
        listed, after = set(), None
        while True:
            page = self.client.list_instance_ids(completed_time_from=since, page_size=2, continuation_token=after)
            listed.update(page.items)
            after = page.continuation_token
            if not after:
                break
        self.assertLessEqual(ids, listed)
        one = ids.pop()
        self.assertEqual(self.client.purge_orchestration(one).deleted_instance_count, 1)
        self.assertIsNone(self.client.get_orchestration_state(one))
        self.assertEqual(self.client.purge_orchestration(waiting).deleted_instance_count, 0)
        purged = self.client.purge_orchestrations_by(created_time_from=since, runtime_status=[OrchestrationStatus.COMPLETED])
        self.assertGreaterEqual(purged.deleted_instance_count, len(ids))
        self.assertEqual([one for one in ids if self.client.get_orchestration_state(one)], [])
        self.client.terminate_orchestration(waiting)

    def test_histories_are_read(self):
        state = self.completes(fan, 3, 6)
        kinds = [type(event).__name__ for event in self.client.get_orchestration_history(state.instance_id)]
        self.assertEqual(kinds[:2], ["OrchestratorStartedEvent", "ExecutionStartedEvent"])
        self.assertEqual(kinds.count("TaskScheduledEvent"), 3)
        self.assertEqual(kinds.count("TaskCompletedEvent"), 3)
        self.assertEqual(kinds[-1], "ExecutionCompletedEvent")

    def test_what_is_not_there_is_told(self):
        self.assertIsNone(self.client.get_orchestration_state("never was"))
        with self.assertRaisesRegex(Exception, "NOT_FOUND"):
            self.client.raise_orchestration_event("never was", "word")
        with self.assertRaisesRegex(Exception, "UNAUTHENTICATED"):
            near.client(HUB, key="no:key").get_orchestration_state("x")
        self.assertIsNone(near.client("elsewhere").get_orchestration_state(self.begin(forever)))


class Workers(unittest.TestCase):
    def setUp(self):
        self.client = near.client(WORKERS)
        self.addCleanup(self.client.close)

    def output(self, instance):
        state = self.client.wait_for_orchestration_completion(instance, timeout=PATIENCE)
        self.assertEqual(state.runtime_status, OrchestrationStatus.COMPLETED, state.failure_details)
        return state.get_output()

    def test_work_goes_to_whom_it_fits(self):
        with near.worker(WORKERS, [chain], picky=True), near.worker(WORKERS, [fan], [plus_one], picky=True):
            one, other = (self.client.schedule_new_orchestration(each, input=3) for each in (chain, fan))
            self.assertEqual((self.output(one), self.output(other)), (6, 6))

    def test_work_of_a_worker_that_goes_is_anothers(self):
        """The first worker takes work and goes, with nothing done."""
        where = near.reach(WORKERS)
        instance = self.client.schedule_new_orchestration(chain, input=1)
        with grpc.insecure_channel(where["host_address"]) as channel:
            stub = TaskHubSidecarServiceStub(channel)
            items = stub.GetWorkItems(GetWorkItemsRequest(), metadata=where["metadata"])
            self.assertEqual(next(items).orchestratorRequest.instanceId, instance)
            items.cancel()
        with near.worker(WORKERS, [chain], [plus_one]):
            self.assertEqual(self.output(instance), 4)

    def test_answers_to_work_that_is_anothers_change_nothing(self):
        where = near.reach(WORKERS)
        with grpc.insecure_channel(where["host_address"]) as channel:
            stub = TaskHubSidecarServiceStub(channel)
            stub.CompleteActivityTask(ActivityResponse(completionToken="0123456789abcdef"), metadata=where["metadata"])


if __name__ == "__main__":
    unittest.main()
