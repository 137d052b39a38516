"""Instances that failed go on from where they did."""

import unittest

from server import Case, begin, deploy, ended, rest

ORCHESTRATOR = '''
import azure.durable_functions as df


def work(context):
    first = yield context.call_activity("rewound-good", {"n": 1})
    both = yield context.task_all([context.call_activity("rewound-good", {"n": 2}), context.call_activity("rewound-bad", {"n": 3})])
    retry = df.RetryOptions(10, 2)
    last = yield context.call_activity_with_retry("rewound-worse", retry, {"n": 4})
    child = yield context.call_sub_orchestrator("rewound-child", {"n": 5})
    return [first["n"], [one["n"] for one in both], last["n"], child]


main = df.Orchestrator.create(work)
'''

CHILD = '''
import azure.durable_functions as df


def child(context):
    done = yield context.call_activity("rewound-worst", context.get_input())
    return done["n"]


main = df.Orchestrator.create(child)
'''

GOOD = "def main(args):\n    return args\n"
BAD = "def main(args):\n    return {'error': 'not yet'}\n"


class Rewound(Case):
    def test_what_failed_is_done_again_and_nothing_else(self):
        deploy("rewound", ORCHESTRATOR, "orchestrator")
        deploy("rewound-child", CHILD, "orchestrator")
        deploy("rewound-good", GOOD)
        for name in ("bad", "worse", "worst"):
            deploy(f"rewound-{name}", BAD)
        instance = begin("rewound")
        for name in ("bad", "worse", "worst"):
            self.assertEqual(ended(instance)["runtimeStatus"], "Failed", name)
            deploy(f"rewound-{name}", GOOD)
            self.assertEqual(rest("POST", f"/durable/instances/{instance}/rewind?reason=mended")[0], 202)
        self.assertEqual(self.output(instance), [1, [2, 3], 4, 5])
        _, runs, _ = rest("GET", "/activations?name=rewound-good&limit=50")
        self.assertEqual(len(runs), 2, "what had ended well is not done again")

    def test_only_what_failed_is_rewound(self):
        deploy("rewound-child", CHILD, "orchestrator")
        deploy("rewound-worst", GOOD)
        instance = begin("rewound-child", {"n": 1})
        self.output(instance)
        self.assertEqual(rest("POST", f"/durable/instances/{instance}/rewind?reason=why")[0], 409)
        self.assertEqual(rest("POST", "/durable/instances/rewound-nobody/rewind?reason=why")[0], 404)


if __name__ == "__main__":
    unittest.main()
