"""State machines, versions, aliases, tags and activities, by boto3."""

import json
import os
import re
import unittest

from botocore.exceptions import ClientError

from client import CREDENTIALS, ROLE, Case, connect, name

PASS = {"StartAt": "Pass", "States": {"Pass": {"Type": "Pass", "End": True}}}
FAIL = {"StartAt": "Fail", "States": {"Fail": {"Type": "Fail"}}}


class Machines(Case):
    def test_a_machine_is_what_was_created(self):
        arn = self.machine(PASS, type="EXPRESS", tags=[{"key": "team", "value": "a"}])
        found = self.sfn.describe_state_machine(stateMachineArn=arn)
        self.assertEqual(json.loads(found["definition"]), PASS)
        self.assertEqual((found["type"], found["status"], found["roleArn"]), ("EXPRESS", "ACTIVE", ROLE))
        self.assertEqual(arn, f"arn:aws:states:us-east-1:{CREDENTIALS['account']}:stateMachine:{found['name']}")
        self.assertEqual(found["loggingConfiguration"]["level"], "OFF")

    def test_creation_is_idempotent(self):
        wanted = {"name": name("twice"), "definition": json.dumps(PASS), "roleArn": ROLE}
        first = self.sfn.create_state_machine(**wanted)
        again = self.sfn.create_state_machine(**wanted)
        self.assertEqual(first["stateMachineArn"], again["stateMachineArn"])
        self.assertEqual(first["creationDate"], again["creationDate"])
        arn = first["stateMachineArn"]
        other = {**wanted, "definition": json.dumps(FAIL)}
        create = self.sfn.create_state_machine
        self.refused("StateMachineAlreadyExists", f"State Machine Already Exists: '{arn}'", create, **other)
        self.sfn.delete_state_machine(stateMachineArn=arn)
        self.sfn.delete_state_machine(stateMachineArn=arn)
        describe = self.sfn.describe_state_machine
        self.refused("StateMachineDoesNotExist", f"State Machine Does Not Exist: '{arn}'", describe, stateMachineArn=arn)

    def test_names_and_arns_have_rules(self):
        for bad in ["a b", "a<b", "a*b", "a#b", 'a"b', "a\\b", "a\x1fb", "a\x7f", "a:b", "a/b", "x" * 81]:
            create = self.sfn.create_state_machine
            wanted = {"name": bad, "definition": json.dumps(PASS), "roleArn": ROLE}
            self.refused("InvalidName", f"Invalid Name: '{bad}'", create, **wanted)
        for bad in ["x", "arn:aws:s3:::bucket", "arn:aws:states:us-east-1:1:queue:x"]:
            self.refused("InvalidArn", None, self.sfn.describe_state_machine, stateMachineArn=bad)
        foreign = "arn:aws:states:us-east-1:000000000000:stateMachine:x"
        self.refused("StateMachineDoesNotExist", None, self.sfn.describe_state_machine, stateMachineArn=foreign)

    def test_definitions_are_validated(self):
        for definition in ["{", "[]", json.dumps({"StartAt": "x"}), json.dumps({"StartAt": "x", "States": {}})]:
            wanted = {"name": name("bad"), "definition": definition, "roleArn": ROLE}
            self.refused("InvalidDefinition", None, self.sfn.create_state_machine, **wanted)
            verdict = self.sfn.validate_state_machine_definition(definition=definition)
            self.assertEqual(verdict["result"], "FAIL")
            self.assertTrue(verdict["diagnostics"])
        self.assertEqual(self.sfn.validate_state_machine_definition(definition=json.dumps(PASS))["result"], "OK")

    def test_updates_change_what_they_say(self):
        arn = self.machine()
        updated = self.sfn.update_state_machine(stateMachineArn=arn, definition=json.dumps(FAIL))
        found = self.sfn.describe_state_machine(stateMachineArn=arn)
        self.assertEqual(json.loads(found["definition"]), FAIL)
        self.assertEqual((found["revisionId"], found["roleArn"]), (updated["revisionId"], ROLE))
        message = "Either the definition, the role ARN, the LoggingConfiguration, or the TracingConfiguration must be specified"
        self.refused("MissingRequiredParameter", message, self.sfn.update_state_machine, stateMachineArn=arn)
        self.refused(
            "StateMachineDoesNotExist",
            f"State Machine Does Not Exist: '{arn}:2'",
            self.sfn.update_state_machine,
            stateMachineArn=f"{arn}:2",
            definition=json.dumps(FAIL),
        )

    def test_lists_come_in_pages(self):
        arns = {self.machine() for _ in range(5)}
        pages = self.sfn.get_paginator("list_state_machines").paginate(PaginationConfig={"PageSize": 2})
        pages = [page["stateMachines"] for page in pages]
        self.assertTrue(all(len(page) <= 2 for page in pages))
        listed = [machine["stateMachineArn"] for page in pages for machine in page]
        self.assertLessEqual(arns, set(listed))
        self.assertEqual(len(listed), len(set(listed)))
        rule = "1 validation error detected: Value '1001' at 'maxResults' failed to satisfy constraint: Member must have value less than or equal to 1000"
        self.refused("ValidationException", rule, self.sfn.list_state_machines, maxResults=1001)
        self.refused("ValidationException", None, self.sfn.list_state_machines, nextToken="x" * 1025)
        self.refused("InvalidToken", None, self.sfn.list_state_machines, nextToken="%%%")


class Versions(Case):
    def test_versions_stay_as_they_were_published(self):
        arn = self.machine(PASS)
        first = self.sfn.publish_state_machine_version(stateMachineArn=arn, description="one")["stateMachineVersionArn"]
        same = self.sfn.publish_state_machine_version(stateMachineArn=arn)["stateMachineVersionArn"]
        self.assertEqual((first, same), (f"{arn}:1", f"{arn}:1"))
        updated = self.sfn.update_state_machine(stateMachineArn=arn, definition=json.dumps(FAIL), publish=True)
        self.assertEqual(updated["stateMachineVersionArn"], f"{arn}:2")
        found = self.sfn.describe_state_machine(stateMachineArn=first)
        self.assertEqual((json.loads(found["definition"]), found["description"]), (PASS, "one"))
        listed = self.sfn.list_state_machine_versions(stateMachineArn=arn)["stateMachineVersions"]
        self.assertEqual([version["stateMachineVersionArn"] for version in listed], [f"{arn}:2", f"{arn}:1"])
        publish = self.sfn.publish_state_machine_version
        self.refused("ConflictException", None, publish, stateMachineArn=arn, revisionId="another")
        too_many = "1 validation error detected: Value '1001' at 'maxResults' failed to satisfy constraint: Member must have value less than or equal to 1000"
        list_versions = self.sfn.list_state_machine_versions
        self.refused("ValidationException", too_many, list_versions, stateMachineArn=arn, maxResults=1001)

    def test_aliases_route_to_versions(self):
        arn = self.machine(PASS, publish=True)
        self.sfn.update_state_machine(stateMachineArn=arn, definition=json.dumps(FAIL), publish=True)
        routes = [
            {"stateMachineVersionArn": f"{arn}:1", "weight": 90},
            {"stateMachineVersionArn": f"{arn}:2", "weight": 10},
        ]
        create = self.sfn.create_state_machine_alias
        alias = create(name="live", routingConfiguration=routes)["stateMachineAliasArn"]
        self.assertEqual(alias, f"{arn}:live")
        self.assertEqual(create(name="live", routingConfiguration=routes)["stateMachineAliasArn"], alias)
        self.refused("ConflictException", None, create, name="live", routingConfiguration=[{**routes[0], "weight": 100}])
        self.refused("ValidationException", None, create, name="2", routingConfiguration=[{**routes[0], "weight": 100}])
        uneven = "Sum of routing configuration weights must equal 100, but was: 90"
        self.refused("ValidationException", uneven, create, name="x", routingConfiguration=routes[:1])
        missing = [{"stateMachineVersionArn": f"{arn}:9", "weight": 100}]
        self.refused("ResourceNotFound", None, create, name="x", routingConfiguration=missing)
        found = self.sfn.describe_state_machine_alias(stateMachineAliasArn=alias)
        self.assertEqual(found["routingConfiguration"], routes)
        self.sfn.update_state_machine_alias(
            stateMachineAliasArn=alias, routingConfiguration=[{**routes[0], "weight": 100}], description="new"
        )
        found = self.sfn.describe_state_machine_alias(stateMachineAliasArn=alias)
        self.assertEqual((len(found["routingConfiguration"]), found["description"]), (1, "new"))
        listed = self.sfn.list_state_machine_aliases(stateMachineArn=arn)["stateMachineAliases"]
        self.assertEqual([one["stateMachineAliasArn"] for one in listed], [alias])
        in_use = "Version to be deleted must not be referenced by an alias. Current list of aliases referencing this version: [live]"
        delete = self.sfn.delete_state_machine_version
        self.refused("ConflictException", in_use, delete, stateMachineVersionArn=f"{arn}:1")
        self.sfn.delete_state_machine_alias(stateMachineAliasArn=alias)
        self.sfn.delete_state_machine_version(stateMachineVersionArn=f"{arn}:1")
        gone = self.sfn.describe_state_machine_alias
        self.refused("ResourceNotFound", None, gone, stateMachineAliasArn=alias)


class Rest(Case):
    def test_tags_are_merged_and_removed(self):
        arn = self.machine(tags=[{"key": "a", "value": "1"}])
        self.sfn.tag_resource(resourceArn=arn, tags=[{"key": "b", "value": "2"}, {"key": "a", "value": "3"}])
        tags = lambda: {tag["key"]: tag["value"] for tag in self.sfn.list_tags_for_resource(resourceArn=arn)["tags"]}
        self.assertEqual(tags(), {"a": "3", "b": "2"})
        self.sfn.untag_resource(resourceArn=arn, tagKeys=["a"])
        self.assertEqual(tags(), {"b": "2"})
        many = [{"key": str(number), "value": ""} for number in range(51)]
        self.refused("TooManyTags", None, self.sfn.tag_resource, resourceArn=arn, tags=many)
        self.refused("ResourceNotFound", None, self.sfn.list_tags_for_resource, resourceArn=arn + "x")

    def test_activities_are_created_once(self):
        wanted = name("activity")
        arn = self.sfn.create_activity(name=wanted)["activityArn"]
        self.assertEqual(self.sfn.create_activity(name=wanted)["activityArn"], arn)
        found = self.sfn.describe_activity(activityArn=arn)
        self.assertEqual((found["name"], found["activityArn"]), (wanted, arn))
        self.assertIn(arn, [one["activityArn"] for one in self.sfn.list_activities(maxResults=1000)["activities"]])
        self.sfn.delete_activity(activityArn=arn)
        missing = f"Activity Does Not Exist: '{arn}'"
        self.refused("ActivityDoesNotExist", missing, self.sfn.describe_activity, activityArn=arn)
        for bad in "<>{}[]?*\"#%\\^|~`$&,;:/\x1f\x9f ":
            self.refused("InvalidName", f"Invalid Name: 'a{bad}b'", self.sfn.create_activity, name=f"a{bad}b")

    def test_signatures_are_checked(self):
        wrong = connect(aws_secret_access_key="wrong" * 8)
        self.refused("InvalidSignatureException", None, wrong.list_state_machines)
        unknown = connect(aws_access_key_id="nobody")
        self.refused("UnrecognizedClientException", None, unknown.list_state_machines)
        connect(region_name="eu-central-1").list_state_machines()

    def test_recorded_refusals(self):
        """Exceptions that the real service answered with: the table says which, the scenarios here bring them about."""
        path = os.environ.get("WISP_SFN_CASES")
        if not path:
            self.skipTest("WISP_SFN_CASES does not name the table")
        with open(path) as file:
            cases = json.load(file)["cases"]
        missed = []
        for case in cases:
            asked = self.scenario(case)
            if asked is None:
                missed.append(case["id"].split("::")[-1])
                continue
            with self.subTest(case["id"]):
                operation, given = asked
                with self.assertRaises(ClientError) as raised:
                    getattr(self.sfn, operation)(**given)
                error = raised.exception.response["Error"]
                self.assertEqual(error["Code"], case["error"], error)
                said = case["message"].split("operation: ")[-1]
                parts = [re.escape(part) for part in re.split(r"<[^>]*>|arn:<partition>\S*|activity_arn", said)]
                self.assertRegex(error["Message"], "^" + ".*".join(parts))
        print(f"{len(cases) - len(missed)} of {len(cases)} recorded refusals were tried; without a scenario: {missed}")
        # Those are about mocks that are held against the descriptions of services that Wisp does not know.
        self.assertTrue(all("_aws_sdk_" in one for one in missed), missed)

    def misfit(self, message):
        """A service, and an answer of it that breaks the rule which a refusal tells of."""
        field = re.search(r"Field '(\w+)'", message)[1]
        wrong = 1 if "a string" in message else "wrong"
        return {
            "StatusCode": ("lambda:invoke", {"StatusCode": wrong}),
            "ExecutionArn": ("states:startExecution", {"ExecutionArn": wrong, "StartDate": 1}),
            "CapacityUnits": ("dynamodb:putItem", {"ConsumedCapacity": {"CapacityUnits": wrong}}),
            "Entries": ("events:putEvents", {"Entries": wrong}),
            "EventId": ("events:putEvents", {"Entries": [{"EventId": "1"}, {"EventId": wrong}]}),
        }[field]

    def scenario(self, case):
        """The operation that a recorded refusal answers, with its parameters."""
        about = case["id"].split("::")[-1]
        task = {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "End": True}
        branch = {"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}
        parallel = {"Type": "Parallel", "Branches": [branch], "End": True}
        tried = lambda definition, **mock: ("test_state", {"definition": json.dumps(definition), "mock": mock, "roleArn": ROLE})
        if case["error"] == "InvalidName":
            return "create_activity", {"name": case["message"].removeprefix("Invalid Name: '").removesuffix("'")}
        if "no_such_activity" in about:
            arn = self.sfn.create_activity(name=name("gone"))["activityArn"]
            self.sfn.delete_activity(activityArn=arn)
            return "get_activity_task", {"activityArn": arn}
        if "invalid_arn_2" in about:
            return "update_state_machine", {"stateMachineArn": self.machine(publish=True) + ":1", "roleArn": ROLE}
        if "missing_required_parameter" in about:
            return "update_state_machine", {"stateMachineArn": self.machine()}
        for listed in ("executions", "state_machine_versions", "state_machine_aliases"):
            if f"test_list_{listed}" in about:
                long = re.search(r"<invalid_token_(\d+)_chars>", case["message"])
                token = {"nextToken": "x" * int(long[1])} if long else {"maxResults": 1001}
                return f"list_{listed}", {"stateMachineArn": self.machine(), **token}
        if "ILLEGAL_INTRINSIC" in about:
            state = re.search(r"/States/(\w+)", case["message"])[1]
            field = re.search(r"the field '([^']*)'", case["message"])[1]
            wrong = {"Type": "Pass", "Parameters": {field: "States.StringToJson('{\"text\":\"An \\illegal\"}')"}, "End": True}
            definition = json.dumps({"StartAt": state, "States": {state: wrong}})
            return "create_state_machine", {"name": name("escapes"), "definition": definition, "roleArn": ROLE}
        if "_mode_" in about and "_aws_sdk_" not in about:
            resource, result = self.misfit(case["message"])
            mode = "PRESENT" if "present_mode" in about else "STRICT"
            state = {"Type": "Task", "Resource": f"arn:aws:states:::{resource}", "Parameters": {}, "End": True}
            return tried(state, result=json.dumps(result), fieldValidationMode=mode)
        if "does_not_accept_mock" in about:
            kind = re.search(r"State type '(\w+)'", case["message"])[1]
            rest = {"Pass": {"End": True}, "Fail": {}}[kind]
            return tried({"Type": kind, **rest}, errorOutput={"error": "E"})
        if "both_mock" in about:
            return tried(task, result="1", errorOutput={"error": "E"})
        if "is_not_array" in about:
            return tried(parallel, result="{}")
        if "size_mismatch" in about:
            return tried(parallel, result="[1, 2]")
        if "empty_branches" in about:
            return tried({"Type": "Parallel", "Branches": [], "End": True}, result="[]")
        return None


if __name__ == "__main__":
    unittest.main()
