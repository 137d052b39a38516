"""Words are counted: one mapper for each text, one reducer for each part of the alphabet."""

from typing import Any, Generator

import azure.durable_functions as df

PARTS = 3


def mapreduce(context: df.DurableOrchestrationContext) -> Generator[Any, Any, Any]:
    texts = context.get_input()["texts"]
    mapped = yield context.task_all([context.call_activity("map", {"text": text, "parts": PARTS}) for text in texts])
    shuffled = ([result["parts"][part] for result in mapped] for part in range(PARTS))
    reduced = yield context.task_all([context.call_activity("reduce", {"pairs": pairs}) for pairs in shuffled])
    return {word: count for part in reduced for word, count in part["counts"].items()}


main = df.Orchestrator.create(mapreduce)
