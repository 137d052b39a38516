"""The AWS CLI as it is, and `wisp workflow`, on the same executions."""

import json
import os
import pathlib
import subprocess
import tempfile
import unittest
import xml.dom.minidom

from client import CREDENTIALS, ENDPOINT, KEY, ROLE, Case, deploy, name

DEFINITION = {
    "StartAt": "Twice",
    "States": {
        "Twice": {"Type": "Task", "Resource": "wisp:action:wf_twice", "Next": "Last"},
        "Last": {"Type": "Pass", "End": True},
    },
}


def run(*command):
    environment = {
        **os.environ,
        "AWS_ACCESS_KEY_ID": CREDENTIALS["accessKeyId"],
        "AWS_SECRET_ACCESS_KEY": CREDENTIALS["secretAccessKey"],
        "AWS_DEFAULT_REGION": CREDENTIALS["region"],
        "AWS_DISABLE_HOST_PREFIX_INJECTION": "true",
        "AWS_PAGER": "",
        "WHISK_APIHOST": ENDPOINT,
        "WHISK_AUTH": KEY,
    }
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    if done.returncode:
        raise AssertionError(f"{command}: {done.stdout} {done.stderr}")
    return done.stdout


def aws(*arguments):
    command = (os.environ["VENV"] + "/bin/python", "-m", "awscli", "--endpoint-url", ENDPOINT, "stepfunctions", *arguments)
    output = run(*command)
    return json.loads(output) if output.strip() else None


def wisp(*arguments):
    return run(os.environ["WISP"], "workflow", *arguments)


class Lines(Case):
    def setUp(self):
        deploy("wf_twice", "exports.main = ({ n }) => ({ n: n * 2 })")

    def test_the_aws_cli_works_unmodified(self):
        created = aws("create-state-machine", "--name", name("cli"), "--role-arn", ROLE, "--definition", json.dumps(DEFINITION))
        arn = created["stateMachineArn"]
        started = aws("start-execution", "--state-machine-arn", arn, "--input", '{"n": 4}', "--name", "one")
        self.assertEqual(json.loads(self.ended(started["executionArn"])["output"]), {"n": 8})
        history = aws("get-execution-history", "--execution-arn", started["executionArn"])
        self.assertEqual(history["events"][-1]["type"], "ExecutionSucceeded")
        listed = aws("list-executions", "--state-machine-arn", arn)["executions"]
        self.assertEqual([one["name"] for one in listed], ["one"])
        aws("delete-state-machine", "--state-machine-arn", arn)

    def test_express_machines_answer_the_aws_cli(self):
        definition = json.dumps(DEFINITION)
        created = aws("create-state-machine", "--name", name("x"), "--role-arn", ROLE, "--type", "EXPRESS", "--definition", definition)
        found = aws("start-sync-execution", "--state-machine-arn", created["stateMachineArn"], "--input", '{"n": 2}')
        self.assertEqual((found["status"], json.loads(found["output"])), ("SUCCEEDED", {"n": 4}))

    def test_wisp_workflow_does_the_same(self):
        machine = name("own")
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder) / "definition.json"
            file.write_text(json.dumps(DEFINITION))
            self.assertIn("created", wisp("deploy", machine, str(file)))
            self.assertIn("updated", wisp("deploy", machine, str(file)))
            ended = json.loads(wisp("start", machine, "--input", '{"n": 3}', "--name", "one", "--wait", "--output", "json"))
            self.assertEqual(json.loads(ended["output"]), {"n": 6})
            self.assertIn(machine, wisp("list"))
            self.assertIn("succeeded", wisp("list", machine))
            self.assertIn("SUCCEEDED", wisp("show", f"{machine}:one"))
            self.assertIn("LambdaFunctionSucceeded", wisp("history", f"{machine}:one"))
            picture = pathlib.Path(folder) / "one.svg"
            wisp("graph", machine, "--execution", f"{machine}:one", "--file", str(picture))
            drawn = xml.dom.minidom.parse(str(picture))
            self.assertEqual(len(drawn.getElementsByTagName("rect")), 2)
            states = json.loads(wisp("graph", machine, "--execution", f"{machine}:one", "--output", "json"))["states"]
            self.assertEqual(states, {"Twice": "succeeded", "Last": "succeeded"})
        self.assertIn("deleted", wisp("delete", machine))

    def test_credentials_are_variables_of_the_environment(self):
        lines = dict(line.removeprefix("export ").split("=", 1) for line in wisp("credentials").splitlines())
        self.assertEqual(lines["AWS_SECRET_ACCESS_KEY"].strip("'"), CREDENTIALS["secretAccessKey"])
        self.assertEqual(lines["AWS_ENDPOINT_URL_SFN"].strip("'"), ENDPOINT)


if __name__ == "__main__":
    unittest.main()
