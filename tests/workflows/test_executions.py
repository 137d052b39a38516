"""Executions, by boto3, with tasks that call real actions."""

import json
import threading
import time
import unittest
import urllib.error

from client import Case, deploy, name, operation

ADD = "exports.main = ({ a, b }) => ({ sum: a + b })"
FAIL = "exports.main = () => ({ error: { name: 'Gone', message: 'it is gone' } })"
# Fails as often as it is told, by the number of the try.
COUNT = "exports.main = args => args.tries < 2 ? { error: { name: 'Again' } } : { tries: args.tries }"


def task(resource, **more):
    return {"Type": "Task", "Resource": resource, "End": True, **more}


class Executions(Case):
    def run_machine(self, definition, given=None, **more):
        arn = self.machine(definition)
        started = self.sfn.start_execution(stateMachineArn=arn, input=json.dumps(given or {}), **more)
        return self.ended(started["executionArn"])

    def types(self, arn):
        pages = self.sfn.get_paginator("get_execution_history").paginate(executionArn=arn)
        return [event["type"] for page in pages for event in page["events"]]

    def test_a_task_calls_an_action(self):
        deploy("wf_add", ADD)
        for resource in [
            "wisp:action:wf_add",
            "arn:aws:lambda:us-east-1:123456789012:function:wf_add",
            "/guest/wf_add",
        ]:
            found = self.run_machine({"StartAt": "Add", "States": {"Add": task(resource)}}, {"a": 1, "b": 2})
            self.assertEqual(found["status"], "SUCCEEDED", found)
            self.assertEqual(json.loads(found["output"]), {"sum": 3})
            self.assertEqual(
                self.types(found["executionArn"]),
                [
                    "ExecutionStarted",
                    "TaskStateEntered",
                    "LambdaFunctionScheduled",
                    "LambdaFunctionStarted",
                    "LambdaFunctionSucceeded",
                    "TaskStateExited",
                    "ExecutionSucceeded",
                ],
            )

    def test_lambda_invoke_answers_as_lambda_does(self):
        deploy("wf_add", ADD)
        parameters = {"FunctionName": "wf_add", "Payload": {"a.$": "$.x", "b": 1}}
        definition = {"StartAt": "Add", "States": {"Add": task("arn:aws:states:::lambda:invoke", Parameters=parameters)}}
        output = json.loads(self.run_machine(definition, {"x": 4})["output"])
        self.assertEqual((output["Payload"], output["StatusCode"]), ({"sum": 5}, 200))

    def test_errors_are_named_and_caught(self):
        deploy("wf_fail", FAIL)
        found = self.run_machine({"StartAt": "F", "States": {"F": task("wisp:action:wf_fail")}})
        self.assertEqual((found["status"], found["error"]), ("FAILED", "Gone"))
        self.assertEqual(json.loads(found["cause"])["errorMessage"], "it is gone")
        catch = [{"ErrorEquals": ["Gone"], "Next": "Caught", "ResultPath": "$.why"}]
        states = {"F": task("wisp:action:wf_fail", Catch=catch), "Caught": {"Type": "Pass", "End": True}}
        found = self.run_machine({"StartAt": "F", "States": states})
        self.assertEqual(found["status"], "SUCCEEDED")
        self.assertEqual(json.loads(found["output"])["why"]["Error"], "Gone")
        found = self.run_machine({"StartAt": "F", "States": {"F": task("wisp:action:no_such_action")}})
        self.assertEqual((found["status"], found["error"]), ("FAILED", "Lambda.ResourceNotFoundException"))

    def test_maps_and_branches_call_actions_at_once(self):
        deploy("wf_add", ADD)
        add = {"StartAt": "Add", "States": {"Add": task("wisp:action:wf_add")}}
        states = {
            "Each": {"Type": "Map", "ItemsPath": "$.items", "ItemProcessor": add, "ResultPath": "$.sums", "Next": "Both"},
            "Both": {
                "Type": "Parallel",
                "Branches": [
                    {"StartAt": "A", "States": {"A": {"Type": "Pass", "Result": 1, "End": True}}},
                    {"StartAt": "B", "States": {"B": task("wisp:action:wf_add", InputPath="$.items[0]")}},
                ],
                "ResultPath": "$.both",
                "End": True,
            },
        }
        items = [{"a": number, "b": 1} for number in range(20)]
        found = self.run_machine({"StartAt": "Each", "States": states}, {"items": items})
        output = json.loads(found["output"])
        self.assertEqual(output["sums"], [{"sum": number + 1} for number in range(20)])
        self.assertEqual(output["both"], [1, {"sum": 1}])

    def test_names_are_idempotent(self):
        arn = self.machine({"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 600, "End": True}}})
        wanted = {"stateMachineArn": arn, "name": name("one"), "input": '{"a": 1}'}
        first = self.sfn.start_execution(**wanted)
        self.assertEqual(first["executionArn"], arn.replace("stateMachine", "execution") + ":" + wanted["name"])
        again = self.sfn.start_execution(**wanted)
        self.assertEqual((first["executionArn"], first["startDate"]), (again["executionArn"], again["startDate"]))
        taken = f"Execution Already Exists: '{first['executionArn']}'"
        start = self.sfn.start_execution
        self.refused("ExecutionAlreadyExists", taken, start, **{**wanted, "input": "{}"})
        self.sfn.stop_execution(executionArn=first["executionArn"], error="Enough", cause="of this")
        found = self.ended(first["executionArn"])
        self.assertEqual((found["status"], found["error"], found["cause"]), ("ABORTED", "Enough", "of this"))
        self.refused("ExecutionAlreadyExists", taken, start, **wanted)
        self.refused("InvalidExecutionInput", None, start, stateMachineArn=arn, input="{")
        self.refused("InvalidName", "Invalid Name: 'a b'", start, stateMachineArn=arn, name="a b")
        gone = arn + "x"
        self.refused("StateMachineDoesNotExist", f"State Machine Does Not Exist: '{gone}'", start, stateMachineArn=gone)
        missing = first["executionArn"] + "x"
        describe = self.sfn.describe_execution
        self.refused("ExecutionDoesNotExist", f"Execution Does Not Exist: '{missing}'", describe, executionArn=missing)

    def test_waits_end_when_they_should(self):
        states = {"W": {"Type": "Wait", "Seconds": 1, "Next": "P"}, "P": {"Type": "Pass", "End": True}}
        found = self.run_machine({"StartAt": "W", "States": states})
        self.assertEqual(found["status"], "SUCCEEDED")
        self.assertGreaterEqual((found["stopDate"] - found["startDate"]).total_seconds(), 1)

    def test_retries_pause_and_count(self):
        deploy("wf_count", COUNT)
        retry = [{"ErrorEquals": ["Again"], "IntervalSeconds": 1, "MaxAttempts": 3, "BackoffRate": 1}]
        parameters = {"tries.$": "$$.State.RetryCount"}
        states = {"T": task("wisp:action:wf_count", Parameters=parameters, Retry=retry)}
        found = self.run_machine({"StartAt": "T", "States": states})
        self.assertEqual(json.loads(found["output"]), {"tries": 2})
        self.assertEqual(self.types(found["executionArn"]).count("LambdaFunctionFailed"), 2)

    def test_time_limits_hold(self):
        deploy("wf_slow", "exports.main = () => new Promise(done => setTimeout(() => done({}), 20000))")
        found = self.run_machine({"StartAt": "T", "States": {"T": task("wisp:action:wf_slow", TimeoutSeconds=1)}})
        self.assertEqual((found["status"], found["error"]), ("FAILED", "States.Timeout"))
        states = {"W": {"Type": "Wait", "Seconds": 600, "End": True}}
        found = self.run_machine({"StartAt": "W", "TimeoutSeconds": 1, "States": states})
        self.assertEqual(found["status"], "TIMED_OUT")

    def test_histories_come_in_pages_from_both_ends(self):
        found = self.run_machine({"StartAt": "A", "States": {
            "A": {"Type": "Pass", "Next": "B"}, "B": {"Type": "Pass", "Next": "C"}, "C": {"Type": "Pass", "End": True}}})
        arn = found["executionArn"]
        whole = self.sfn.get_execution_history(executionArn=arn)["events"]
        self.assertEqual([event["id"] for event in whole], list(range(1, 9)))
        for backwards in [False, True]:
            pages, token = [], {}
            while token is not None:
                page = self.sfn.get_execution_history(executionArn=arn, maxResults=3, reverseOrder=backwards, **token)
                pages.append([event["id"] for event in page["events"]])
                token = {"nextToken": page["nextToken"]} if "nextToken" in page else None
            expected = list(range(8, 0, -1)) if backwards else list(range(1, 9))
            self.assertEqual(sum(pages, []), expected)
            self.assertEqual([len(page) for page in pages], [3, 3, 2])
        bare = self.sfn.get_execution_history(executionArn=arn, includeExecutionData=False)["events"]
        self.assertNotIn("input", bare[0]["executionStartedEventDetails"])

    def test_lists_show_the_newest_first(self):
        arn = self.machine()
        names = [name("listed") for _ in range(5)]
        for one in names:
            self.ended(self.sfn.start_execution(stateMachineArn=arn, name=one)["executionArn"])
        pages = self.sfn.get_paginator("list_executions").paginate(stateMachineArn=arn, PaginationConfig={"PageSize": 2})
        listed = [one for page in pages for one in page["executions"]]
        self.assertEqual(sorted(one["name"] for one in listed), sorted(names))
        self.assertEqual(listed, sorted(listed, key=lambda one: one["startDate"], reverse=True))
        succeeded = self.sfn.list_executions(stateMachineArn=arn, statusFilter="SUCCEEDED")["executions"]
        self.assertEqual(len(succeeded), 5)
        self.assertEqual(self.sfn.list_executions(stateMachineArn=arn, statusFilter="FAILED")["executions"], [])
        self.refused("ValidationException", None, self.sfn.list_executions, stateMachineArn=arn, maxResults=1001)

    def test_tokens_end_tasks(self):
        deploy("wf_echo", "exports.main = args => args")
        parameters = {"FunctionName": "wf_echo", "Payload": {"token.$": "$$.Task.Token"}}
        resource = "arn:aws:states:::lambda:invoke.waitForTaskToken"
        arn = self.machine({"StartAt": "T", "States": {"T": task(resource, Parameters=parameters)}})

        def token(execution):
            deadline = time.monotonic() + 60
            while time.monotonic() < deadline:
                for event in self.sfn.get_execution_history(executionArn=execution)["events"]:
                    if event["type"] == "TaskSubmitted":
                        return json.loads(event["taskSubmittedEventDetails"]["output"])["Payload"]["token"]
                time.sleep(0.05)

        execution = self.sfn.start_execution(stateMachineArn=arn)["executionArn"]
        given = token(execution)
        self.sfn.send_task_heartbeat(taskToken=given)
        self.refused("InvalidOutput", None, self.sfn.send_task_success, taskToken=given, output="{")
        self.refused("InvalidToken", None, self.sfn.send_task_success, taskToken="made up", output="{}")
        self.sfn.send_task_success(taskToken=given, output='{"done": true}')
        self.assertEqual(json.loads(self.ended(execution)["output"]), {"done": True})
        late = "Task Timed Out: 'Provided task does not exist anymore'"
        self.refused("TaskTimedOut", late, self.sfn.send_task_success, taskToken=given, output="{}")
        execution = self.sfn.start_execution(stateMachineArn=arn)["executionArn"]
        self.sfn.send_task_failure(taskToken=token(execution), error="No", cause="way")
        found = self.ended(execution)
        self.assertEqual((found["error"], found["cause"]), ("No", "way"))

    def test_workers_poll_for_activities(self):
        activity = self.sfn.create_activity(name=name("activity"))["activityArn"]
        arn = self.machine({"StartAt": "T", "States": {"T": task(activity, HeartbeatSeconds=60)}})
        got = {}
        poll = lambda: got.update(self.sfn.get_activity_task(activityArn=activity, workerName="me"))
        worker = threading.Thread(target=poll)
        worker.start()
        execution = self.sfn.start_execution(stateMachineArn=arn, input='{"x": 1}')["executionArn"]
        worker.join(60)
        self.assertEqual(json.loads(got["input"]), {"x": 1})
        self.sfn.send_task_success(taskToken=got["taskToken"], output='{"y": 2}')
        self.assertEqual(json.loads(self.ended(execution)["output"]), {"y": 2})
        self.assertEqual(
            self.types(execution)[2:5], ["ActivityScheduled", "ActivityStarted", "ActivitySucceeded"]
        )

    def test_executions_start_executions(self):
        child = self.machine({"StartAt": "P", "States": {"P": {"Type": "Pass", "Result": {"deep": 1}, "End": True}}})
        parameters = {"StateMachineArn": child, "Input": {"a": 1}}
        for suffix, output in [(".sync", '{"deep":1}'), (".sync:2", {"deep": 1})]:
            states = {"S": task(f"arn:aws:states:::states:startExecution{suffix}", Parameters=parameters)}
            found = json.loads(self.run_machine({"StartAt": "S", "States": states})["output"])
            self.assertEqual((found["Status"], found["Output"]), ("SUCCEEDED", output))
        wait = self.machine({"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 600, "End": True}}})
        states = {"S": task("arn:aws:states:::states:startExecution.sync", Parameters={"StateMachineArn": wait})}
        parent = self.sfn.start_execution(stateMachineArn=self.machine({"StartAt": "S", "States": states}))
        deadline = time.monotonic() + 60
        while not (nested := self.sfn.list_executions(stateMachineArn=wait)["executions"]):
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.05)
        self.sfn.stop_execution(executionArn=parent["executionArn"])
        self.assertEqual(self.ended(nested[0]["executionArn"])["status"], "ABORTED")

    def test_only_their_own_executions_are_stopped_with_tasks(self):
        wait = self.machine({"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 3, "End": True}}})
        mine = self.sfn.start_execution(stateMachineArn=wait, name="nightly")["executionArn"]
        nested = task("arn:aws:states:::states:startExecution.sync", Parameters={"StateMachineArn": wait, "Name": "nightly"})
        branches = [{"StartAt": "N", "States": {"N": nested}}, {"StartAt": "F", "States": {"F": {"Type": "Fail", "Error": "No"}}}]
        both = {"Type": "Parallel", "Branches": branches, "End": True}
        self.assertEqual(self.run_machine({"StartAt": "B", "States": {"B": both}})["status"], "FAILED")
        self.assertEqual(self.ended(mine)["status"], "SUCCEEDED")

    def test_values_that_nest_too_deep_are_refused_wherever_they_come_from(self):
        deep = "[" * 120 + "]" * 120
        start = self.sfn.start_execution
        self.refused("InvalidExecutionInput", None, start, stateMachineArn=self.machine(), input=deep)
        code = "exports.main = () => { let deep = {}; for (let i = 0; i < 200; i++) deep = { deep }; return deep }"
        action = deploy(name("wf_deep").replace("-", "_"), code)
        found = self.run_machine({"StartAt": "T", "States": {"T": task(f"wisp:action:{action}")}})
        self.assertEqual((found["status"], found["error"]), ("FAILED", "States.Runtime"))

    def test_executions_that_start_one_another_end(self):
        arn = self.machine()
        again = task("arn:aws:states:::states:startExecution.sync:2", Parameters={"StateMachineArn": arn})
        definition = json.dumps({"StartAt": "Again", "States": {"Again": again}})
        self.sfn.update_state_machine(stateMachineArn=arn, definition=definition)
        found = self.ended(self.sfn.start_execution(stateMachineArn=arn)["executionArn"], 120)
        self.assertEqual(found["status"], "FAILED")
        self.assertLessEqual(len(found["cause"]), 32768, "causes that quote one another double")
        executions = self.sfn.list_executions(stateMachineArn=arn)["executions"]
        self.assertEqual(len(executions), 33)
        causes = [self.sfn.describe_execution(executionArn=one["executionArn"])["cause"] for one in executions]
        self.assertEqual(sum(cause.startswith("Execution Limit Exceeded: workflows.nesting") for cause in causes), 1)

    def test_failed_executions_are_redriven(self):
        action = deploy(name("wf_later").replace("-", "_"), FAIL)
        states = {"P": {"Type": "Pass", "Next": "T"}, "T": task(f"wisp:action:{action}")}
        arn = self.machine({"StartAt": "P", "States": states})
        execution = self.sfn.start_execution(stateMachineArn=arn)["executionArn"]
        found = self.ended(execution)
        self.assertEqual((found["status"], found["redriveStatus"]), ("FAILED", "REDRIVABLE"))
        deploy(action, "exports.main = () => ({ fine: true })")
        self.sfn.redrive_execution(executionArn=execution)
        found = self.ended(execution)
        self.assertEqual((found["status"], found["redriveCount"]), ("SUCCEEDED", 1))
        self.assertIn("ExecutionRedriven", self.types(execution))
        self.assertEqual(self.types(execution).count("PassStateEntered"), 1)
        self.refused("ExecutionNotRedrivable", None, self.sfn.redrive_execution, executionArn=execution)

    def test_map_runs_keep_to_what_they_are_told(self):
        wait = {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 2, "End": True}}}
        processor = {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}, **wait}
        each = {"Type": "Map", "ItemProcessor": processor, "MaxConcurrency": 1, "ToleratedFailureCount": 2, "End": True}
        machine = self.machine({"StartAt": "M", "States": {"M": each}})
        execution = self.sfn.start_execution(stateMachineArn=machine, input=json.dumps(list(range(30))))["executionArn"]
        deadline = time.monotonic() + 60
        while not (runs := self.sfn.list_map_runs(executionArn=execution)["mapRuns"]):
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.05)
        arn = runs[0]["mapRunArn"]

        def pace():
            found = self.sfn.describe_map_run(mapRunArn=arn)
            return [found[field] for field in ["maxConcurrency", "toleratedFailureCount", "toleratedFailurePercentage"]]

        self.assertEqual(pace(), [1, 2, 0.0])
        update = self.sfn.update_map_run
        self.refused("ValidationException", None, update, mapRunArn=arn, toleratedFailurePercentage=101.0)
        update(mapRunArn=arn, maxConcurrency=0, toleratedFailurePercentage=50.0)
        self.assertEqual(pace(), [0, 2, 50.0])
        while (counts := self.sfn.describe_map_run(mapRunArn=arn)["executionCounts"])["running"] < 2:
            self.assertGreater(counts["pending"] + counts["running"], 0, "they ran one after the other")
            time.sleep(0.05)
        self.assertEqual(self.ended(execution)["status"], "SUCCEEDED")
        self.refused("ValidationException", None, update, mapRunArn=arn, maxConcurrency=1)

    def test_executions_are_forked_from_a_step(self):
        keep = {"Type": "Pass", "Assign": {"kept.$": "$.n"}, "Next": "Branch"}
        branch = {"StartAt": "In", "States": {"In": {"Type": "Pass", "End": True}}}
        both = {"Type": "Parallel", "Branches": [branch], "Next": "Last", "ResultPath": None}
        last = {"Type": "Pass", "Parameters": {"kept.$": "$kept", "now.$": "$", "first.$": "$$.Execution.Input"}, "End": True}
        definition = {"StartAt": "Keep", "States": {"Keep": keep, "Branch": both, "Last": last}}
        source = self.run_machine(definition, {"n": 1})["executionArn"]

        def fork(**how):
            return self.ended(operation("ForkExecution", executionArn=source, **how)["executionArn"])

        again = fork(stateName="Last")
        self.assertEqual(json.loads(again["output"]), {"kept": 1, "now": {"n": 1}, "first": {"n": 1}})
        self.assertEqual(self.types(again["executionArn"])[:2], ["ExecutionStarted", "PassStateEntered"])
        changed = fork(stateName="Branch", input='{"n": 5}', name=name("forked"))
        self.assertEqual(json.loads(changed["output"]), {"kept": 1, "now": {"n": 5}, "first": {"n": 1}})
        events = self.sfn.get_execution_history(executionArn=source)["events"]
        entered = [event["id"] for event in events if event["type"].endswith("StateEntered")]
        self.assertEqual(json.loads(fork(eventId=entered[0], input='{"n": 7}')["output"])["kept"], 7)
        for nowhere in [{"stateName": "In"}, {"stateName": "None"}, {"eventId": 1}, {"eventId": entered[2]}, {}]:
            with self.assertRaises(urllib.error.HTTPError) as refused:
                fork(**nowhere)
            self.assertEqual(json.load(refused.exception)["__type"], "ValidationException", nowhere)

    def test_express_executions_answer_at_once(self):
        deploy("wf_add", ADD)
        arn = self.machine({"StartAt": "Add", "States": {"Add": task("wisp:action:wf_add")}}, type="EXPRESS")
        found = self.sfn.start_sync_execution(stateMachineArn=arn, input='{"a": 1, "b": 1}')
        self.assertEqual((found["status"], json.loads(found["output"])), ("SUCCEEDED", {"sum": 2}))
        self.assertIn(":express:", found["executionArn"])
        started = self.sfn.start_execution(stateMachineArn=arn)
        self.assertIn(":express:", started["executionArn"])
        misplaced = "Invalid Arn: 'Resource type not valid in this context: express'"
        self.refused("InvalidArn", misplaced, self.sfn.describe_execution, executionArn=started["executionArn"])
        self.refused("StateMachineTypeNotSupported", None, self.sfn.list_executions, stateMachineArn=arn)
        standard = self.machine()
        self.refused("StateMachineTypeNotSupported", None, self.sfn.start_sync_execution, stateMachineArn=standard)

    def test_executions_keep_the_definition_that_they_began_with(self):
        definition = {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 600, "End": True}}}
        arn = self.machine(definition, publish=True)
        execution = self.sfn.start_execution(stateMachineArn=f"{arn}:1")["executionArn"]
        changed = {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}}
        self.sfn.update_state_machine(stateMachineArn=arn, definition=json.dumps(changed))
        found = self.sfn.describe_state_machine_for_execution(executionArn=execution)
        self.assertEqual(json.loads(found["definition"]), definition)
        described = self.sfn.describe_execution(executionArn=execution)
        self.assertEqual(described["stateMachineVersionArn"], f"{arn}:1")
        listed = self.sfn.list_executions(stateMachineArn=f"{arn}:1")["executions"]
        self.assertEqual([one["executionArn"] for one in listed], [execution])
        self.assertEqual(self.sfn.list_executions(stateMachineArn=f"{arn}:2")["executions"], [])
        self.sfn.stop_execution(executionArn=execution)

    def test_map_runs_have_children(self):
        processor = {
            "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
            "StartAt": "P",
            "States": {"P": {"Type": "Pass", "End": True}},
        }
        states = {"M": {"Type": "Map", "Label": "items", "ItemProcessor": processor, "End": True}}
        arn = self.machine({"StartAt": "M", "States": states})
        execution = self.sfn.start_execution(stateMachineArn=arn, input="[1, 2, 3]")["executionArn"]
        self.assertEqual(json.loads(self.ended(execution)["output"]), [1, 2, 3])
        runs = self.sfn.list_map_runs(executionArn=execution)["mapRuns"]
        self.assertEqual(len(runs), 1)
        run = self.sfn.describe_map_run(mapRunArn=runs[0]["mapRunArn"])
        self.assertEqual((run["status"], run["itemCounts"]["succeeded"], run["itemCounts"]["total"]), ("SUCCEEDED", 3, 3))
        children = self.sfn.list_executions(mapRunArn=runs[0]["mapRunArn"])["executions"]
        self.assertEqual(len(children), 3)


if __name__ == "__main__":
    unittest.main()
