def main(args: dict) -> dict:
    """A line through the points, by descent along the gradient."""
    slope = offset = 0.0
    known = args["known"]
    for _ in range(args["steps"]):
        errors = [slope * x + offset - y for x, y in known]
        slope -= args["rate"] * 2 * sum(error * x for error, (x, _) in zip(errors, known)) / len(known)
        offset -= args["rate"] * 2 * sum(errors) / len(known)
    loss = sum((slope * x + offset - y) ** 2 for x, y in args["unseen"]) / len(args["unseen"])
    return {"rate": args["rate"], "slope": slope, "offset": offset, "loss": loss}
