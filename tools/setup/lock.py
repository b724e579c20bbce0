"""``make lock``: resolve everything that is pinned anew, and write it with hashes and without any address.

requirements.lock from pyproject.toml, and the container images' parts of it; the hashes of the set-up's own pins at
the versions they name; Azurite's lock from its package.json. The samples' pins are of single wheels and stay as they
are.
"""

import signal
import sys
import threading
from pathlib import Path
from types import FrameType

from tools.setup import locations, wheels
from tools.setup.commands import Children, Shell
from tools.setup.environment import PYTHON_MINIMUM, mirror_for_uv, uv_program
from tools.setup.errors import SetupError
from tools.setup.staging import Staging
from tools.setup.work import Work

_COMPILE = ["--universal", "--python-version", PYTHON_MINIMUM, "--generate-hashes", "--no-emit-index-url"]
_OVERRIDES = "tools/python/overrides.txt"


def main() -> int:
    """Make the locks; the exit code."""
    children = Children()

    def stop(_number: int, _frame: FrameType | None) -> None:
        # The program that runs now ends, and its step with it: Interrupted.
        threading.Thread(target=children.stop_all).start()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    cache = locations.cache_dir()
    try:
        with Staging(cache / "tmp" / "lock") as staging:
            shell = Shell(children, cache / "logs" / "lock.log")
            work = Work(lambda detail: print(f"… {detail}", flush=True), shell, staging, children.stop)
            _requirements(work)
            _images(work)
            for pin in ("uv", "go", "node"):
                _pin(pin, work)
            _azurite(work)
    except (SetupError, OSError) as error:
        print(f"make lock: {error}", file=sys.stderr)
        return 1
    return 0


def _requirements(work: Work) -> None:
    work.say("requirements.lock")
    arguments = [
        "pyproject.toml",
        "--all-extras",
        *_COMPILE,
        "--override",
        _OVERRIDES,
        "-o",
        "requirements.lock",
    ]
    _uv(arguments, "Resolving pyproject.toml", work)


def _images(work: Work) -> None:
    work.say("the images' requirements")
    folder = locations.ROOT / "deploy" / "images" / "requirements"
    tools = [str((folder / f"tools.{kind}").relative_to(locations.ROOT)) for kind in ("in", "lock")]
    _uv([tools[0], *_COMPILE, "-o", tools[1]], "Resolving the images' build tools", work)
    cut = [sys.executable, "-m", "tools.images.requirements"]
    work.shell.run(cut, what="Cutting the images' packages out of requirements.lock", cwd=locations.ROOT)


def _pin(pin: str, work: Work) -> None:
    """Renew the hashes of one pin: a version may have got wheels for more machines."""
    work.say(f"{wheels.pinned(pin)}")
    wanted = work.scratch / f"{pin}.in"
    wanted.write_text(f"{wheels.pinned(pin)}\n")
    target = locations.PINS / f"{pin}.txt"
    _uv(
        [str(wanted), "--no-deps", "--no-header", "--no-annotate", *_COMPILE, "-o", str(target)],
        f"Resolving {pin}",
        work,
    )


def _azurite(work: Work) -> None:
    work.say("Azurite's package-lock.json")
    npm = ["npm", "install", "--package-lock-only", "--ignore-scripts", "--no-audit", "--no-fund"]
    work.shell.run(npm, what="Resolving Azurite", cwd=locations.AZURITE_LOCK.parent)


def _uv(arguments: list[str], what: str, work: Work) -> None:
    uv: Path = uv_program(work)
    work.shell.run(
        [uv, "pip", "compile", "--quiet", *arguments], what=what, cwd=locations.ROOT, env=mirror_for_uv()
    )


if __name__ == "__main__":
    sys.exit(main())
