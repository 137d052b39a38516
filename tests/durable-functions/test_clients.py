"""The packages' clients, as they are: made from a binding that the server gives, inside of functions and outside."""

import asyncio
import json
import os
import subprocess
import unittest
import uuid

import azure.durable_functions as df

from server import HERE, Case, deploy, rest, until

APP = '''
import azure.durable_functions as df

app = df.DFApp()

@app.orchestration_trigger(context_name="context")
def echo(context):
    return context.get_input()

@app.orchestration_trigger(context_name="context")
def patient(context):
    return (yield context.wait_for_external_event("go"))

@app.entity_trigger(context_name="context")
def counter(context):
    context.set_state(context.get_state(lambda: 0) + context.get_input())
'''

# An action that is no durable function starts one, with the key that it is given.
STARTER = '''
import asyncio, base64, json, os, urllib.request
import azure.durable_functions as df

def main(args):
    host, key = os.environ["__OW_API_HOST"], os.environ["__OW_API_KEY"]
    headers = {"Authorization": "Basic " + base64.b64encode(key.encode()).decode()}
    binding = urllib.request.urlopen(urllib.request.Request(host + "/api/v1/namespaces/_/durable/text", headers=headers)).read()
    client = df.DurableOrchestrationClient(binding.decode())
    return {"id": asyncio.run(client.start_new("echo", client_input=args["value"]))}
'''


def binding(path="/durable"):
    return json.dumps(rest("GET", path)[1])


class Clients(Case):
    @classmethod
    def setUpClass(cls):
        deploy("clients", APP, ["echo", "patient", "counter"])

    @classmethod
    def tearDownClass(cls):
        rest("DELETE", "/actions/clients")

    def test_python(self):
        async def use():
            client, key = df.DurableOrchestrationClient(binding("/durable/text")), uuid.uuid4().hex
            for given in ({"a": [1, "b"]}, "text", "5", 5, None):
                instance = await client.start_new("echo", client_input=given)
                self.assertEqual(self.output(instance), given)
            self.assertEqual((await client.get_status(instance, show_history=True)).runtime_status.name, "Completed")
            waiting = await client.start_new("patient", instance_id=key)
            self.assertEqual(waiting, key)
            await client.raise_event(waiting, "go", {"word": "now"})
            self.assertEqual(json.loads(self.output(waiting)), {"word": "now"})
            entity = df.EntityId("counter", key)
            await client.signal_entity(entity, "add", 5)
            await client.signal_entity(entity, "add", 6)
            until(lambda: rest("GET", f"/durable/entities/counter/{key}")[1] == 11, "both signals are heard")
            self.assertEqual((await client.read_entity_state(entity)).entity_state, 11)
            stopped = await client.start_new("patient")
            await client.suspend(stopped, "late")
            await client.resume(stopped, "now")
            await client.terminate(stopped, "enough")
            found = await client.get_status_by(runtime_status=[df.OrchestrationRuntimeStatus.Completed])
            self.assertIn(key, [status.instance_id for status in found])
            self.assertEqual((await client.purge_instance_history(key)).instances_deleted, 1)

        asyncio.run(use())

    def test_javascript(self):
        modules = os.environ["WISP_LANGUAGES_NODE_MODULES"]
        command = ["node", HERE / "clients.mjs", modules, binding(), uuid.uuid4().hex]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
        self.assertEqual(done.returncode, 0, done.stderr)
        told = json.loads(done.stdout.splitlines()[-1])
        self.assertEqual(told["output"], {"a": [1, "b"]})
        self.assertEqual(told["input"], {"a": [1, "b"]})
        self.assertEqual(told["raised"], {"word": "now"})
        self.assertEqual((told["value"], told["listed"], told["purged"], told["links"]), (5, True, 1, 9))

    def test_within_a_function(self):
        deploy("starter", STARTER, provide_api_key=True)
        self.addCleanup(rest, "DELETE", "/actions/starter")
        status, activation, _ = rest("POST", "/actions/starter?blocking=true", {"value": {"deep": [1]}})
        self.assertEqual(status, 200, activation)
        self.assertEqual(self.output(activation["response"]["result"]["id"]), {"deep": [1]})


if __name__ == "__main__":
    unittest.main()
