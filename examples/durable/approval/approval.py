"""A person approves, or the time is up and somebody else is asked."""

from datetime import timedelta
from typing import Any, Generator

import azure.durable_functions as df


def approval(context: df.DurableOrchestrationContext) -> Generator[Any, Any, Any]:
    request = context.get_input()
    yield context.call_activity("ask", {"who": "manager", "what": request["what"], "instance": context.instance_id})
    late = context.create_timer(context.current_utc_datetime + timedelta(seconds=request.get("patience", 86400)))
    answer = context.wait_for_external_event("approval")
    winner = yield context.task_any([answer, late])
    if winner == late:
        return (yield context.call_activity("ask", {"who": "director", "what": request["what"]}))
    late.cancel()
    return {"approved": answer.result["approved"], "by": "manager"}


main = df.Orchestrator.create(approval)
