"""Objects of buckets lead orchestrations on: what activities leave is counted, and the instance is told."""

import unittest
import uuid

from server import Case, begin, deploy, rest

# Starts eight activities, and goes on when a trigger says that all of their results are there.
GATHER = '''
import azure.durable_functions as df

def gather(context):
    gone = context.wait_for_external_event("gathered")
    yield context.task_all([context.call_activity("leave", {"n": n}) for n in range(8)])
    told = yield gone
    return sorted(item["n"] for item in told["objects"])

main = df.Orchestrator.create(gather)
'''
LEAVE = "def main(args):\n    return {'n': args['n']}\n"


class Buckets(Case):
    def test_a_trigger_tells_the_instance_whose_activities_left_objects(self):
        deploy("gather", GATHER, "orchestrator")
        deploy("leave", LEAVE, output_bucket="left")
        self.assertEqual(rest("PUT", "/buckets/left", {})[0], 200)
        trigger = {"primitive": "by-batch-size", "params": {"count": 8}, "event": {"name": "gathered"}, "pass": "value"}
        self.assertEqual(rest("PUT", "/buckets/left/triggers/t", trigger)[0], 200)
        for _ in range(2):
            instance = begin("gather", instance=uuid.uuid4().hex)
            self.assertEqual(self.output(instance), list(range(8)))
            objects = rest("GET", f"/buckets/left/objects?session={instance}")[1]
            self.assertEqual(len(objects), 8)


if __name__ == "__main__":
    unittest.main()
