"""While an orchestrator waits, nothing of it runs, and what ran it may go."""

import os
import re
import tempfile
import unittest
import unittest.mock

from harness import Server
from server import Case, begin, deploy, ended, look, rest, until

ORCHESTRATOR = '''
import azure.durable_functions as df


def waiting(context):
    said = yield context.wait_for_external_event("go")
    return {"said": said}


main = df.Orchestrator.create(waiting)
'''


class Idle(Case):
    def test_nothing_runs_while_it_waits(self):
        self.enterContext(unittest.mock.patch.dict("os.environ"))
        for name in ("WISP_APIHOST", "WISP_TLS_APIHOST", "WISP_AUTH"):
            os.environ.pop(name, None)
        os.environ.update({"WISP_KEEPALIVE_POLICY": "fixed", "WISP_KEEPALIVE_FIXED_SECONDS": "1"})
        home = tempfile.TemporaryDirectory()
        self.addCleanup(home.cleanup)
        server = Server(home.name)
        server.start()
        self.addCleanup(lambda: server.kill())
        where = f"http://127.0.0.1:{server.port}"
        deploy("waiting", ORCHESTRATOR, "orchestrator", where)
        instance = begin("waiting", None, "one", where)

        def instances():
            """Instances in the pool that belong to an action, by state."""
            shown = re.findall(r'^wisp_instances\{state="(\w+)"\} (\d+)', server.fetch("/metrics")[1], re.MULTILINE)
            return {state: int(count) for state, count in shown if state != "stem"}

        turned = lambda: look(instance, "?showHistory=true", where)["runtimeStatus"] == "Running"
        until(turned, "the first turn")
        until(lambda: not any(instances().values()), f"an end of all instances: {instances()}")
        self.assertEqual(look(instance, "", where)["runtimeStatus"], "Running")
        rest("POST", f"/durable/instances/{instance}/raiseEvent/go", "now", where)
        self.assertEqual(ended(instance, where)["output"], {"said": "now"})


if __name__ == "__main__":
    unittest.main()
