# Parameters are the entries of the only argument.
def main(args):
    return {"payload": f"Hello, {args.get('name', 'stranger')} from {args.get('place', 'somewhere')}!"}
