"""Again and again, without end: each round begins with an empty history."""

from datetime import timedelta
from typing import Any, Generator

import azure.durable_functions as df


def periodic(context: df.DurableOrchestrationContext) -> Generator[Any, Any, Any]:
    job = context.get_input()
    result = yield context.call_activity("cleanup", {"round": job["round"]})
    context.set_custom_status(result)
    if job["round"] == job.get("last"):
        return result
    yield context.create_timer(context.current_utc_datetime + timedelta(seconds=job["seconds"]))
    context.continue_as_new({**job, "round": job["round"] + 1})


main = df.Orchestrator.create(periodic)
