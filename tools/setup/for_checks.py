"""``python -m tools.setup.for_checks NAME…``: what checks alone need, made when the first one asks for it.

Not part of `make setup`, so `make run` does not wait for it.
"""

import argparse
import sys
import time

from tools.setup.cli import make
from tools.setup.cosmos import Cosmos
from tools.setup.kustomize import Kustomize


def main() -> int:
    """0 if it is there now, 1 if it could not be made."""
    known = {step.name: step for step in (Cosmos(), Kustomize())}
    parser = argparse.ArgumentParser(prog="python -m tools.setup.for_checks", description=__doc__)
    parser.add_argument("names", nargs="+", choices=sorted(known), metavar="NAME", help=", ".join(known))
    wanted = [known[name] for name in parser.parse_args().names]
    missing = [step for step in wanted if not step.is_complete()]
    return make(missing, time.monotonic()) if missing else 0


if __name__ == "__main__":
    sys.exit(main())
