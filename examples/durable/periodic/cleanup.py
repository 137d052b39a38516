def main(args: dict) -> dict:
    return {"removed": args["round"] * 10, "round": args["round"]}
