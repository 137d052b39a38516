"""A counter that keeps its value, and an orchestrator that asks it: an app with several functions in one action."""

from typing import Any, Generator

import azure.durable_functions as df

app = df.DFApp()


@app.entity_trigger(context_name="context")
def tally(context: df.DurableEntityContext) -> None:
    value = context.get_state(lambda: 0)
    if context.operation_name == "add":
        value += context.get_input()
    elif context.operation_name == "reset":
        value = 0
    elif context.operation_name != "get":
        raise ValueError("a tally cannot " + context.operation_name)
    context.set_state(value)
    context.set_result(value)


@app.orchestration_trigger(context_name="context")
def count(context: df.DurableOrchestrationContext) -> Generator[Any, Any, Any]:
    entity = df.EntityId("tally", context.get_input()["key"])
    for number in context.get_input()["numbers"]:
        doubled = yield context.call_activity("double", number)
        context.signal_entity(entity, "add", doubled)
    return (yield context.call_entity(entity, "get"))


@app.activity_trigger(input_name="number")
def double(number: int) -> int:
    return number * 2
