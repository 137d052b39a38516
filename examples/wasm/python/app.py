"""The words of a text by their number: a component that runs like a program."""

import collections
import json
import sys

from wit_world import exports


class Run(exports.Run):
    def run(self) -> None:
        words = json.load(sys.stdin).get("text", "").lower().split()
        print(json.dumps({"words": dict(collections.Counter(words).most_common(10))}))
