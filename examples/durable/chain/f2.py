def main(args: dict) -> dict:
    """Lines become pairs."""
    return {"pairs": [line.rsplit(" ", 1) for line in args["lines"]]}
