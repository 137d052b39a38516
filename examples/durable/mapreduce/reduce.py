from collections import Counter


def main(args: dict) -> dict:
    """How often each word of a part was found."""
    counts = Counter()
    for pairs in args["pairs"]:
        for word, count in pairs:
            counts[word] += count
    return {"counts": counts}
