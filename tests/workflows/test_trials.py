"""One state by itself, by boto3's `test_state`."""

import json
import os
import unittest
from pathlib import Path

from client import Case

PICK = {"Type": "Pass", "InputPath": "$.order", "Parameters": {"id.$": "$.number"}, "ResultPath": "$.picked", "Next": "Ship"}
CALL = {
    "Type": "Task",
    "Resource": "arn:aws:states:::lambda:invoke",
    "Parameters": {"FunctionName": "f", "Payload.$": "$"},
    "Retry": [{"ErrorEquals": ["Busy"], "MaxAttempts": 2}],
    "Catch": [{"ErrorEquals": ["Lost"], "Next": "Search"}],
    "End": True,
}


def plain(value):
    """Payloads as values, whether they came as text or not."""
    if isinstance(value, dict):
        return {name: plain(inner) for name, inner in value.items()}
    try:
        return plain(json.loads(value)) if isinstance(value, str) else value
    except ValueError:
        return value


class Trials(Case):
    def tried(self, definition, value=None, **more):
        reply = self.sfn.test_state(definition=json.dumps(definition), input=json.dumps(value or {}), **more)
        reply.pop("ResponseMetadata")
        return reply

    def test_a_state_says_what_its_fields_make(self):
        tried = self.tried(PICK, {"order": {"number": 7}, "rest": 1}, inspectionLevel="DEBUG")
        self.assertEqual((tried["status"], tried["nextState"]), ("SUCCEEDED", "Ship"))
        self.assertEqual(json.loads(tried["output"]), {"order": {"number": 7}, "rest": 1, "picked": {"id": 7}})
        self.assertEqual(json.loads(tried["inspectionData"]["afterInputPath"]), {"number": 7})
        self.assertNotIn("inspectionData", self.tried(PICK, {"order": {"number": 7}}))

    def test_work_is_mocked_and_nothing_is_called(self):
        tried = self.tried(CALL, {"a": 1}, mock={"result": '{"Payload": {"b": 2}, "StatusCode": 200}'})
        self.assertEqual(json.loads(tried["output"])["Payload"], {"b": 2})
        ends = {"Busy": ("RETRIABLE", None), "Lost": ("CAUGHT_ERROR", "Search"), "Other": ("FAILED", None)}
        for error, (status, following) in ends.items():
            tried = self.tried(CALL, {"a": 1}, mock={"errorOutput": {"error": error, "cause": "why"}})
            self.assertEqual((tried["status"], tried.get("nextState"), tried["error"]), (status, following, error))
        worn = {"retrierRetryCount": 2}
        tried = self.tried(CALL, {"a": 1}, mock={"errorOutput": {"error": "Busy"}}, stateConfiguration=worn)
        self.assertEqual(tried["status"], "FAILED")

    def test_mistakes_are_told(self):
        self.refused("InvalidDefinition", None, self.tried, definition={"Type": "Nothing"})
        for wrong in [{"result": "1", "errorOutput": {"error": "x"}}, {"result": "{"}]:
            self.refused("ValidationException", None, self.tried, definition=CALL, mock=wrong)
        self.refused("ValidationException", None, self.tried, definition=PICK, mock={"result": "{}"})

    @unittest.skipUnless(os.environ.get("WISP_ASL_CASES"), "WISP_ASL_CASES names no recorded cases")
    def test_recorded_trials_come_out_as_recorded(self):
        cases = json.loads(Path(os.environ["WISP_ASL_CASES"], "asl-teststate.json").read_text())
        for case in cases if isinstance(cases, list) else cases["cases"]:
            with self.subTest(case["id"]):
                try:
                    reply = self.sfn.test_state(**case["request"])
                except self.sfn.exceptions.ClientError as error:
                    reply = error.response
                reply.pop("ResponseMetadata")
                self.assertEqual(plain(reply), plain(case["response"]))
