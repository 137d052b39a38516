"""A machine-learning pipeline: data, a model for each setting side by side, the best of them, and its publication."""

from typing import Any, Generator

import azure.durable_functions as df

RETRY = df.RetryOptions(first_retry_interval_in_milliseconds=100, max_number_of_attempts=3)


def pipeline(context: df.DurableOrchestrationContext) -> Generator[Any, Any, Any]:
    wanted = context.get_input()
    context.set_custom_status("data")
    data = yield context.call_activity_with_retry("ingest", RETRY, {"rows": wanted["rows"]})
    data = yield context.call_activity("clean", data)
    context.set_custom_status("training")
    trainings = [
        context.call_activity_with_retry("train", RETRY, {**data, "rate": rate, "steps": 200}) for rate in wanted["rates"]
    ]
    models = yield context.task_all(trainings)
    best = min(models, key=lambda model: model["loss"])
    context.set_custom_status("publishing")
    if best["loss"] > wanted["worst"]:
        return {"published": False, "loss": best["loss"]}
    return (yield context.call_activity("publish", best))


main = df.Orchestrator.create(pipeline)
