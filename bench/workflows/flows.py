"""State machines that do nothing, on a server of Wisp, by the Step Functions API."""

import json
import statistics
import time
from pathlib import Path

NODE_STEP = "function main(given) { return given; }"
COUNT_STEP = "function main(given) { return { n: given.n + 1 }; }"
SLEEP_STEP = "function main() { return new Promise(done => setTimeout(() => done({}), 100)); }"
ROLE = "arn:aws:iam::123456789012:role/bench"


def chain(states):
    """States one after the other."""
    names = [f"S{index}" for index in range(len(states))]
    for name, state, following in zip(names, states, names[1:] + [None]):
        state.update({"Next": following} if following else {"End": True})
    return {"StartAt": names[0], "States": dict(zip(names, states))}


def task(action):
    return {"Type": "Task", "Resource": f"wisp:action:{action}"}


def sequence(count, action="step"):
    return chain([task(action) for _ in range(count)])


def passes(count):
    return chain([{"Type": "Pass"} for _ in range(count)])


def fan(count, action="step"):
    """A Map over so many items."""
    each = {"Type": "Map", "ItemsPath": "$.items", "ItemProcessor": {"StartAt": "Each", "States": {"Each": {**task(action), "End": True}}}}
    return {"StartAt": "Fan", "States": {"Fan": {**each, "End": True}}}


def branches(count, action="step"):
    """A Parallel of so many branches."""
    each = [{"StartAt": f"B{index}", "States": {f"B{index}": {**task(action), "End": True}}} for index in range(count)]
    return {"StartAt": "Fan", "States": {"Fan": {"Type": "Parallel", "Branches": each, "End": True}}}


def loop(action="count"):
    """Tasks until they have counted to `to`."""
    again = {"Variable": "$.n", "NumericLessThanPath": "$.to", "Next": "Count"}
    count = {**task(action), "ResultSelector": {"n.$": "$.n"}, "ResultPath": "$.got", "Next": "Take"}
    take = {"Type": "Pass", "Parameters": {"n.$": "$.got.n", "to.$": "$.to"}, "Next": "More"}
    return {
        "StartAt": "Count",
        "States": {"Count": count, "Take": take, "More": {"Type": "Choice", "Choices": [again], "Default": "End"}, "End": {"Type": "Succeed"}},
    }


class Flows:
    """What is asked of a server about state machines."""

    def __init__(self, server):
        self.server = server
        # As many at a time in one process as the peers have.
        server.action("step", "nodejs:default", NODE_STEP, concurrency=80)
        server.action("count", "nodejs:default", COUNT_STEP)

    def ask(self, operation, **given):
        headers = {"Authorization": self.server.authorization, "X-Amz-Target": "AWSStepFunctions." + operation}
        self.server.connection.request("POST", "/", json.dumps(given), headers)
        response = self.server.connection.getresponse()
        content = json.loads(response.read())
        if response.status != 200:
            raise SystemExit(f"{operation}: {response.status} {content}")
        return content

    def machine(self, name, definition, kind="STANDARD", level="strict"):
        created = self.ask(
            "CreateStateMachine",
            name=name,
            definition=json.dumps(definition),
            roleArn=ROLE,
            type=kind,
            tags=[{"key": "wisp:durability", "value": level}],
        )
        return created["stateMachineArn"]

    def start(self, machine, given=None):
        return self.ask("StartExecution", stateMachineArn=machine, input=json.dumps(given or {}))["executionArn"]

    def finish(self, execution, pause=0.1):
        """Waits for the end of an execution, and asks seldom, so that little is spent on answering."""
        while self.ask("DescribeExecution", executionArn=execution)["status"] == "RUNNING":
            time.sleep(pause)

    def run(self, machine, given=None, expected=0):
        """Milliseconds until an execution is seen to have ended. Nothing is asked for most of the expected time."""
        begun = time.perf_counter()
        execution = self.start(machine, given)
        time.sleep(max(0, begun + 0.7 * expected / 1000 - time.perf_counter()))
        while (found := self.ask("DescribeExecution", executionArn=execution))["status"] == "RUNNING":
            time.sleep(0.0005)
        took = (time.perf_counter() - begun) * 1000
        if found["status"] != "SUCCEEDED":
            raise SystemExit(f"an execution ended otherwise: {found}")
        return took

    def run_express(self, machine, given=None):
        begun = time.perf_counter()
        found = self.ask("StartSyncExecution", stateMachineArn=machine, input=json.dumps(given or {}))
        if found["status"] != "SUCCEEDED":
            raise SystemExit(f"an execution ended otherwise: {found}")
        return (time.perf_counter() - begun) * 1000

    def history(self, execution):
        return self.ask("GetExecutionHistory", executionArn=execution, maxResults=1000)["events"]

    def metric(self, name):
        """The sum of a metric over its labels."""
        self.server.connection.request("GET", "/metrics")
        lines = self.server.connection.getresponse().read().decode().splitlines()
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.split("{")[0].split(" ")[0] == name)

    def ended(self):
        """Executions that have ended since the server started."""
        return self.metric("wisp_workflow_executions_total")

    def syncs(self):
        return self.metric("wisp_store_sync_seconds_count")


class Runner:
    """A machine that is run again and again, with what it took so far."""

    def __init__(self, run):
        self.run_once, self.took = run, []

    def __call__(self):
        self.took.append(self.run_once(self.median() if self.took else 0))

    def median(self):
        return statistics.median(self.took)


def cpu(process):
    """Seconds of processor that a process has used, with all its threads."""
    fields = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100
