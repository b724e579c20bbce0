"""``python -m tools.checks.bicep [MAIN]``: prints faults; exit 1 if there are any, 2 if it could not be checked."""

import argparse
import sys
from pathlib import Path

from tools.checks.bicep import check_project
from tools.checks.bicep.faults import BicepCheckError
from tools.setup.locations import ROOT


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tools.checks.bicep",
        description="Check Bicep files offline: syntax, types, names, modules, roles. Not a compiler.",
    )
    parser.add_argument("main", nargs="?", type=Path, default=ROOT / "deploy" / "bicep" / "main.bicep")
    try:
        faults = check_project(parser.parse_args().main)
    except BicepCheckError as error:
        print(f"not checked: {error}", file=sys.stderr)
        return 2
    for fault in faults:
        print(fault)
    print(f"{len(faults)} faults" if faults else "no faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
