"""Azure Durable Functions: code that has such functions is run as their host runs it, one turn for each call.

An orchestrator is given its history and answers what it wants done; an entity is given its state and operations. Beside
`main = df.Orchestrator.create(f)` and `df.Entity.create(f)` this takes an app (`df.DFApp`) with all that is registered in it.
Values cross the platform as JSON; what the package wants as JSON text is made text here, and back.
"""

import json
import types

REQUEST = "__durable"
LABEL = "$OutOfProcData$:"
KINDS = {"orchestrationTrigger": "orchestrator", "entityTrigger": "entity", "activityTrigger": "activity"}
# Where an action holds actions of its own.
COMPOUND = "compoundActions"


def functions(module, main):
    """What a module offers to the platform: `(kind, function)` by name. The one without a name is the action's own."""
    for attribute, kind in (("orchestrator_function", "orchestrator"), ("entity_function", "entity")):
        if hasattr(main, attribute):
            return {"": (kind, main)}
    from azure.functions import FunctionRegister

    found = {}
    for app in vars(module).values():
        if isinstance(app, FunctionRegister):
            for function in app.get_functions():
                kind = KINDS.get(function.get_trigger().type)
                if kind:
                    found[function.get_function_name()] = kind, function.get_user_function()
    return found


def adopt(module, main, call):
    """The entry point of a module that has durable functions; of any other, what it was before."""
    found = functions(module, main)
    if not found:
        return main

    def serve(value):
        request = value.get(REQUEST) if isinstance(value, dict) else None
        if request is None and callable(main) and "" not in found:
            return main(value)
        if request is None:
            raise TypeError("This action is a durable function: start an orchestration with it, or signal it.")
        kind, function = pick(found, request)
        result = RUN[kind](function, request, call)
        return {**result, "functions": {name: kind for name, (kind, _) in found.items() if name}}

    return serve


def pick(found, request):
    """The function that a request names; the only one of its kind needs no name."""
    named = found.get(request["name"]) or found.get("")
    same = [pair for pair in found.values() if pair[0] == request["kind"]]
    chosen = named or (same[0] if len(same) == 1 else None)
    if chosen is None or chosen[0] != request["kind"]:
        offered = ", ".join("%s (%s)" % (name or "main", kind) for name, (kind, _) in found.items())
        raise LookupError("There is no %s named '%s' here, but: %s." % (request["kind"], request["name"], offered))
    return chosen


def orchestrate(function, request, _call):
    """One turn of an orchestrator."""
    body = dict(request["body"])
    if body.get("input") is not None:
        body["input"] = encoded(body["input"])
    try:
        state = json.loads(function(types.SimpleNamespace(body=json.dumps(body))))
    except Exception as error:
        label, text = str(error).rpartition(LABEL)[1:]
        if not label:
            raise
        state = json.loads(text)
    actions = [single for group in state["actions"] for action in group for single in flatten(action)]
    return {"state": {**state, "actions": actions}}


def operate(function, request, _call):
    """A batch of operations on an entity."""
    body = dict(request["body"])
    body["batch"] = [{**operation, "input": json.dumps(json.dumps(operation.get("input")))} for operation in body["batch"]]
    return {"state": json.loads(function(types.SimpleNamespace(body=json.dumps(body))))}


def act(function, request, call):
    """One call of an activity."""
    from azure.durable_functions.models.utils.df_serialization import df_dumps, df_loads

    given = df_loads(json.dumps(request.get("input")))
    return {"value": json.loads(df_dumps(call(function, given)))}


RUN = {"orchestrator": orchestrate, "entity": operate, "activity": act}


def encoded(value):
    """A value as JSON text; what the package's own client has sent is such text already."""
    if isinstance(value, str):
        try:
            json.loads(value)
            return value
        except ValueError:
            pass
    return json.dumps(value)


def flatten(action):
    """The actions themselves, without what groups them, in the order in which they were asked for; their inputs as values."""
    if COMPOUND in action:
        return [single for inner in action[COMPOUND] for single in flatten(inner)]
    if isinstance(action.get("input"), str):
        action["input"] = json.loads(action["input"])
    return [action]
