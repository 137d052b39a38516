"""Adds up what the mappers have counted of the words of a letter. Its result goes into a bucket by its annotation."""

from collections import Counter


def main(args):
    total = Counter()
    for counts in args["objects"]:
        total.update(counts)
    return {"letter": args["group"], "words": dict(total)}
