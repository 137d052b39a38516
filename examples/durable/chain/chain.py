"""F1 → F2 → F3 → F4: each function gets what the one before returned."""

from typing import Any, Generator

import azure.durable_functions as df


def chain(context: df.DurableOrchestrationContext) -> Generator[Any, Any, Any]:
    x = context.get_input()
    for name in ("F1", "F2", "F3", "F4"):
        x = yield context.call_activity(name, x)
        context.set_custom_status({"done": name})
    return x


main = df.Orchestrator.create(chain)
