"""A client of the server that tests run against, and what many of them need."""

import base64
import json
import os
import time
import unittest
import urllib.request
import uuid

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

ENDPOINT = os.environ["WISP_APIHOST"]
KEY = os.environ["WISP_AUTH"]
ROLE = "arn:aws:iam::123456789012:role/anything"


def rest(method, path, body=None):
    """A call of the REST API, with the namespace's key."""
    authorization = "Basic " + base64.b64encode(KEY.encode()).decode()
    request = urllib.request.Request(
        f"{ENDPOINT}/api/v1/namespaces/_{path}",
        None if body is None else json.dumps(body).encode(),
        {"Authorization": authorization, "Content-Type": "application/json"},
        method=method,
    )
    with urllib.request.urlopen(request, timeout=60) as reply:
        return json.load(reply)


def operation(target, **given):
    """An operation that boto3 does not know, with the namespace's key."""
    authorization = "Basic " + base64.b64encode(KEY.encode()).decode()
    headers = {"Authorization": authorization, "X-Amz-Target": f"AWSStepFunctions.{target}"}
    request = urllib.request.Request(ENDPOINT, json.dumps(given).encode(), headers)
    with urllib.request.urlopen(request, timeout=60) as reply:
        return json.load(reply)


CREDENTIALS = rest("GET", "/credentials")


def connect(**changes):
    """boto3's client; its two operations with a host of their own go to the same one."""
    known = {
        "aws_access_key_id": CREDENTIALS["accessKeyId"],
        "aws_secret_access_key": CREDENTIALS["secretAccessKey"],
        "region_name": CREDENTIALS["region"],
        "endpoint_url": ENDPOINT,
        "config": Config(inject_host_prefix=False, retries={"total_max_attempts": 1}),
    }
    return boto3.client("stepfunctions", **{**known, **changes})


def name(prefix):
    """A name that no other test has."""
    return f"{prefix}-{uuid.uuid4().hex[:12]}"


def deploy(action, code, kind="nodejs:default"):
    rest("PUT", f"/actions/{action}?overwrite=true", {"exec": {"kind": kind, "code": code}})
    return action


class Case(unittest.TestCase):
    sfn = connect()

    def refused(self, exception, message, call, **arguments):
        """Holds a refusal against the exception's name and, unless it is None, its message."""
        with self.assertRaises(ClientError) as raised:
            call(**arguments)
        error = raised.exception.response["Error"]
        self.assertEqual(error["Code"], exception, error)
        if message is not None:
            self.assertEqual(error["Message"], message)

    def machine(self, definition=None, **more):
        """The ARN of a new machine; by default of one that passes its input on."""
        definition = definition or {"StartAt": "Pass", "States": {"Pass": {"Type": "Pass", "End": True}}}
        created = self.sfn.create_state_machine(
            **{"name": name("machine"), "definition": json.dumps(definition), "roleArn": ROLE, **more}
        )
        arn = created["stateMachineArn"]
        self.addCleanup(self.sfn.delete_state_machine, stateMachineArn=arn)
        return arn

    def ended(self, arn, seconds=60):
        """The description of an execution that has ended."""
        deadline = time.monotonic() + seconds
        while True:
            found = self.sfn.describe_execution(executionArn=arn)
            if found["status"] != "RUNNING":
                return found
            self.assertLess(time.monotonic(), deadline, "the execution does not end")
            time.sleep(0.05)
