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
        if request["kind"] == "http":
            return fetch(request["input"])
        kind, function = pick(found, request)
        result = RUN[kind](function, request, call)
        return {**result, "functions": {name: kind for name, (kind, _) in found.items() if name}}

    return serve


def pick(found, request):
    """The function that a request names; the only one of its kind needs no name."""
    same = {name.lower(): pair for name, pair in found.items() if pair[0] == request["kind"]}
    only = list(same.values())[0] if len(same) == 1 else None
    chosen = same.get(request["name"].lower(), only)
    if chosen is None:
        offered = ", ".join("%s (%s)" % (name or "main", kind) for name, (kind, _) in found.items())
        raise LookupError("There is no %s named '%s' here, but: %s." % (request["kind"], request["name"], offered))
    return chosen


def orchestrate(function, request, _call):
    """One turn of an orchestrator."""
    body = dict(request["body"])
    if body.get("input") is not None:
        body["input"] = json.dumps(body["input"])
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


def fetch(wanted):
    """A request to an address of the web, made from here, where the function's own are: its answer, whatever the status."""
    from urllib.error import HTTPError
    from urllib.parse import urljoin
    from urllib.request import Request, urlopen

    content = wanted.get("content")
    body = None if content is None else content.encode()
    request = Request(wanted["uri"], body, wanted.get("headers") or {}, method=wanted["method"])
    try:
        answer = urlopen(request)
    except HTTPError as error:
        answer = error
    with answer:
        text = answer.read().decode("utf-8", "replace")
        headers = {name.lower(): value for name, value in answer.headers.items()}
        if "location" in answer.headers:
            headers["location"] = urljoin(wanted["uri"], answer.headers["location"])
        return {"value": {"statusCode": answer.status, "headers": headers, "content": text}, "functions": {}}


RUN = {"orchestrator": orchestrate, "entity": operate, "activity": act}


def flatten(action):
    """The actions themselves, without what groups them, in the order in which they were asked for; their inputs as values."""
    if COMPOUND in action:
        return [single for inner in action[COMPOUND] for single in flatten(inner)]
    if isinstance(action.get("input"), str):
        action["input"] = json.loads(action["input"])
    return [action]
