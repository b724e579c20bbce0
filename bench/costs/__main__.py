"""`python -m bench.costs`: a month's cost at each size, as Markdown."""

import argparse
import sys
from pathlib import Path

from bench.costs.prices import FILE, PriceError, load
from bench.costs.report import render
from bench.operations import of_one_picture
from bench.sizes import NAMES, SizeError, read


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.costs", description=__doc__)
    parser.add_argument("--write", type=Path, help="also write the page to this file")
    parser.add_argument(
        "--prices", type=Path, default=FILE, help="another price list (default: bench/prices.yaml)"
    )
    arguments = parser.parse_args()
    try:
        prices = load(arguments.prices)
        print("counting operations, simulating a day of each size", file=sys.stderr, flush=True)
        text = render([read(name) for name in NAMES], prices, of_one_picture())
    except (PriceError, SizeError) as error:
        print(f"bench.costs: {error}", file=sys.stderr)
        return 2
    print(text, end="")
    if arguments.write:
        arguments.write.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
