"""``python -m tools.images.requirements``: each image's packages, taken out of requirements.lock.

An image gets its roots (``deploy/images/requirements/NAME.in``, or the component's own pyproject.toml) and whatever
requirements.lock says was locked because of them: the same versions and hashes as everywhere, and no registry asked.
The lock's ``# via`` comments know no extras and no machines, so a package or two may be more than is needed.

    LockError    a root is not in requirements.lock
"""

import argparse
import re
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LOCK = ROOT / "requirements.lock"
FOLDER = ROOT / "deploy" / "images" / "requirements"
COMPONENT = ROOT / "components" / "eventgrid_pubsub" / "pyproject.toml"
IMAGES = ("services", "component", "emulators")

_NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]*")


class LockError(Exception):
    """A root is not in requirements.lock."""


@dataclass(frozen=True)
class Entry:
    """One locked package: its lines as they stand, and the names of those that need it."""

    name: str
    text: str
    needed_by: frozenset[str]


def entries(lock: str) -> dict[str, Entry]:
    """The packages of a lock file that uv wrote, by normalized name."""
    blocks = re.split(r"\n(?=[A-Za-z0-9])", re.sub(r"\A(?:#[^\n]*\n)*", "", lock))
    found: dict[str, Entry] = {}
    for one in (_entry(block.rstrip("\n")) for block in blocks if block.strip()):
        # A package can be locked twice, for one range of Pythons each.
        other = found.get(one.name, Entry(one.name, "", frozenset()))
        text = f"{other.text}\n{one.text}".lstrip("\n")
        found[one.name] = Entry(one.name, text, other.needed_by | one.needed_by)
    return found


def _entry(block: str) -> Entry:
    lines = block.splitlines()
    comments = [line.strip().removeprefix("#").strip() for line in lines if line.lstrip().startswith("#")]
    by = {normal(comment.removeprefix("via").strip().split(" ")[0]) for comment in comments}
    text = "\n".join(line for line in lines if not line.lstrip().startswith("#"))
    return Entry(normal(block), text, frozenset(by - {""}))


def normal(requirement: str) -> str:
    """The package's normalized name, as in ``pyyaml`` for ``PyYAML>=6; python_version > '3'``."""
    found = _NAME.match(requirement.strip())
    return re.sub(r"[-_.]+", "-", found[0]).lower() if found else ""


def roots(image: str) -> list[str]:
    """What the image asks for by name."""
    if image == "component":
        wanted = tomllib.loads(COMPONENT.read_text())["project"]["dependencies"]
    else:
        wanted = (FOLDER / f"{image}.in").read_text().splitlines()
    return sorted({normal(line) for line in wanted} - {""})


def subset(image: str, locked: dict[str, Entry]) -> str:
    """The image's lock file. Raises LockError."""
    wanted = roots(image)
    missing = [name for name in wanted if name not in locked]
    if missing:
        raise LockError(f"{image}: not in {LOCK.name}: {', '.join(missing)}; run `make lock`")
    chosen: set[str] = set(wanted)
    while more := {entry.name for entry in locked.values() if entry.needed_by & chosen} - chosen:
        chosen |= more
    head = (
        f"# From {LOCK.name} by `python -m tools.images.requirements`: the packages of the image {image}.\n"
    )
    return head + "\n".join(locked[name].text for name in sorted(chosen)) + "\n"


def main() -> int:
    """Write the files; with ``--check`` write nothing and fail where one is stale."""
    parser = argparse.ArgumentParser(prog="python -m tools.images.requirements", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit code 1 if a file is stale")
    check = parser.parse_args().check
    locked = entries(LOCK.read_text())
    stale = []
    for image in IMAGES:
        target = FOLDER / f"{image}.lock"
        try:
            text = subset(image, locked)
        except LockError as error:
            print(error, file=sys.stderr)
            return 1
        if not target.exists() or target.read_text() != text:
            stale.append(target.name)
            if not check:
                target.write_text(text)
    print(f"{'stale' if check else 'written'}: {', '.join(stale) or 'none'}")
    return int(check and bool(stale))


if __name__ == "__main__":
    sys.exit(main())
