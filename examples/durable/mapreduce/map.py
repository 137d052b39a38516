from zlib import crc32


def main(args: dict) -> dict:
    """The words of a text, by the part that they belong to."""
    parts = [[] for _ in range(args["parts"])]
    for word in args["text"].lower().split():
        parts[crc32(word.encode()) % args["parts"]].append([word, 1])
    return {"parts": parts}
