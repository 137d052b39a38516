"""Clients and workers of the published Python library, as it is, against the server beside the tests."""

import base64
import os

from durabletask.client import TaskHubGrpcClient
from durabletask.worker import TaskHubGrpcWorker


# Servers of the tests' own would take it for a setting.
os.environ.pop("WISP_TLS_APIHOST", None)


def reach(hub, address=None, key=None):
    """How the library reaches a hub."""
    key = key or os.environ["WISP_AUTH"]
    address = address or os.environ["WISP_APIHOST"].removeprefix("http://")
    basic = "Basic " + base64.b64encode(key.encode()).decode()
    return {"host_address": address, "metadata": [("authorization", basic), ("taskhub", hub)]}


def client(hub, **where):
    return TaskHubGrpcClient(**reach(hub, **where))


def worker(hub, orchestrators=(), activities=(), entities=(), picky=False, **where):
    """A worker that has started; a picky one takes only what it knows. A context: it stops at the end."""
    made = TaskHubGrpcWorker(**reach(hub, **where))
    for one in orchestrators:
        made.add_orchestrator(one)
    for one in activities:
        made.add_activity(one)
    for one in entities:
        made.add_entity(one)
    if picky:
        made.use_work_item_filters()
    made.start()
    return made
