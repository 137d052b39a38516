def main(args):
    return {"sum": args["a"] + args["b"]}
