def main(args: dict) -> dict:
    """A sum becomes an invoice."""
    return {"invoice": "%d items, %.2f in all" % (args["count"], args["sum"])}
