"""Starts the set-up with a Python that is new enough. This file alone must be readable by older ones."""

import os
import shutil
import subprocess
import sys

MINIMUM = (3, 11)
NEWER = ["python3.%d" % minor for minor in (11, 12, 13, 14)]  # noqa: UP031
CHECK = "import sys; sys.exit(sys.version_info < (3, 11))"


def newer_python():  # type: ignore[no-untyped-def]
    """The path of a Python on this machine that is new enough, None where there is none."""
    which = getattr(shutil, "which", lambda _: None)  # Python 2 has none
    for name in NEWER:
        path = which(name)
        # A version manager's shim is there even where the version is not.
        if path and subprocess.call([path, "-c", CHECK], stderr=subprocess.DEVNULL) == 0:
            return path
    return None


if sys.version_info < MINIMUM:
    path = newer_python()  # type: ignore[no-untyped-call]
    if path:
        os.execv(path, [path, "-m", "tools.setup"] + sys.argv[1:])  # noqa: RUF005
    sys.exit(
        "claimlens needs Python 3.11 or newer; this is %d.%d (%s), and no newer one is on PATH.\n"  # noqa: UP031
        "Install one (Debian, Ubuntu: `apt install python3.11 python3.11-venv`; macOS: `brew install python@3.13`), "
        "or name it: `make setup PYTHON=/path/to/python3`."
        % (sys.version_info[0], sys.version_info[1], sys.executable)
    )

if __name__ == "__main__":
    from tools.setup.cli import main

    sys.exit(main())
