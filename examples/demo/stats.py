"""Python: the standard library is there; exceptions become application errors."""

import statistics
import sys


def main(args):
    values = args.get("values", [2, 4, 4, 4, 5, 5, 7, 9])
    print(f"{len(values)} values")
    return {
        "mean": statistics.fmean(values),
        "stdev": statistics.pstdev(values),
        "runtime": f"python {sys.version.split()[0]}",
    }
