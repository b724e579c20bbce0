"""Generates the gRPC stubs from the contract: ``python -m components.eventgrid_pubsub.proto.generate [FOLDER]``.

Needs grpcio-tools. The stubs are committed; a test compares them with what this makes.
"""

import argparse
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
PACKAGE = "components.eventgrid_pubsub.proto"
NAME = "eventgrid_pubsub_contract"


def generate(into: Path) -> list[Path]:
    """Write the stub modules into ``into`` and give their paths."""
    from grpc_tools import protoc

    with tempfile.TemporaryDirectory() as scratch:
        code = protoc.main(
            [
                "protoc",
                f"--proto_path={HERE}",
                f"--python_out={scratch}",
                f"--grpc_python_out={scratch}",
                f"{NAME}.proto",
            ]
        )
        if code:
            raise SystemExit(f"protoc ended with {code}")
        written = []
        for source in sorted(Path(scratch).iterdir()):
            # protoc writes a top-level import; the stubs live in a package.
            text = source.read_text().replace(f"import {NAME}_pb2 as", f"from {PACKAGE} import {NAME}_pb2 as")
            target = into / source.name
            target.write_text(text)
            written.append(target)
    return written


def main() -> None:
    parser = argparse.ArgumentParser(description="Generate the component's gRPC stubs.")
    parser.add_argument("folder", nargs="?", type=Path, default=HERE, help="where to (default: beside the contract)")
    for path in generate(parser.parse_args().folder):
        sys.stdout.write(f"{path}\n")


if __name__ == "__main__":
    main()
