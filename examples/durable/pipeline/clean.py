def main(args: dict) -> dict:
    """What is missing is left out; the last fifth is kept to judge with."""
    rows = [row for row in args["rows"] if row]
    cut = len(rows) * 4 // 5
    return {"known": rows[:cut], "unseen": rows[cut:]}
