"""What orchestrators of the package for Python do, in one app."""

from datetime import timedelta

import azure.durable_functions as df

app = df.DFApp()
RETRY = df.RetryOptions(50, 3)


@app.orchestration_trigger(context_name="context")
def attempts(context):
    good = yield context.task_all([context.call_activity_with_retry(context.get_input(), RETRY, {"fail": 2}), context.call_activity(plain, 1)])
    try:
        yield context.call_activity_with_retry(never, RETRY)
    except Exception as error:
        after = yield context.call_activity(plain, 2)
        return {"good": good, "error": str(error).strip(), "after": after}


@app.orchestration_trigger(context_name="context")
def race(context):
    late = context.create_timer(context.current_utc_datetime + timedelta(hours=1))
    one, other = (context.wait_for_external_event(name) for name in ("one", "other"))
    first = yield context.task_any([one, other, late])
    late.cancel()
    rest = other if first == one else one
    second = yield context.task_any([rest, context.call_activity(plain, 7)])
    third = yield rest
    return {"first": first.result, "second": second.result, "third": third}


@app.orchestration_trigger(context_name="context")
def parent(context):
    ids = yield context.task_all([context.call_sub_orchestrator(child, {"n": n}) for n in (1, 2)])
    try:
        yield context.call_sub_orchestrator(child, {"n": 0})
    except Exception as error:
        return {"ids": ids, "error": str(error).strip()}


@app.orchestration_trigger(context_name="context")
def child(context):
    n = context.get_input()["n"]
    if n == 0:
        raise ValueError("nothing to do")
    context.set_custom_status({"n": n})
    return {"n": (yield context.call_activity(plain, n)), "parent": context.parent_instance_id is not None}


@app.orchestration_trigger(context_name="context")
def ledger(context):
    entity = df.EntityId("Book", context.get_input())
    for amount in (5, 7):
        context.signal_entity(entity, "add", amount)
    total = yield context.call_entity(entity, "sum")
    try:
        yield context.call_entity(entity, "explode")
    except Exception as error:
        return {"sum": total, "refused": "boom" in str(error)}


@app.entity_trigger(context_name="context")
def Book(context):
    amounts = context.get_state(list)
    if context.operation_name == "add":
        context.set_state([*amounts, context.get_input()])
    elif context.operation_name == "sum":
        context.set_result(sum(amounts))
    elif context.operation_name == "delete":
        context.destruct_on_exit()
    else:
        raise ValueError("boom")


@app.orchestration_trigger(context_name="context")
def web(context):
    answer = yield context.call_http("GET", context.get_input())
    return {"status": answer["statusCode"], "content": answer["content"]}


@app.orchestration_trigger(context_name="context")
def endless(context):
    yield context.wait_for_external_event("never")


@app.orchestration_trigger(context_name="context")
def drifting(context):
    import random
    yield context.call_activity("plain" if random.random() < 2 and not context.is_replaying else "never", 1)
    yield context.call_activity(plain, 1)


@app.activity_trigger(input_name="value")
def plain(value: int) -> dict:
    return {"input": value}


@app.activity_trigger(input_name="value")
def never(value) -> dict:
    raise ValueError("never")
