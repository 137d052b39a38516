def main(args: dict) -> dict:
    """Points near y = 3x + 1; some are missing."""
    rows = [[n / args["rows"], 3 * n / args["rows"] + 1 + (n % 3 - 1) / 100] for n in range(args["rows"])]
    return {"rows": [row if n % 10 else None for n, row in enumerate(rows)]}
