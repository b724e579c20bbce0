"""Things appear whole or not at all: made in a scratch folder of the cache, then renamed into place."""

import os
import shutil
from pathlib import Path


class Staging:
    """A scratch folder below the cache, on the file system that the results go to.

    One folder a step, used under the step's lock: what an interrupted set-up left there is removed by the next.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __enter__(self) -> "Staging":
        _remove(self.folder)
        self.folder.mkdir(parents=True)
        return self

    def __exit__(self, *_: object) -> None:
        _remove(self.folder)

    def publish(self, made: Path, target: Path) -> None:
        """Put ``made``, a file or folder of this scratch folder, at ``target``, in place of what is there."""
        target.parent.mkdir(parents=True, exist_ok=True)
        if made.is_dir() and target.exists():
            target.rename(self.folder / f"replaced-{target.name}")
        made.replace(target)


def link(target: Path, name: Path) -> None:
    """Make ``name`` a link to ``target``, in place of what is there, at once."""
    name.parent.mkdir(parents=True, exist_ok=True)
    fresh = name.with_name(f".{name.name}.{os.getpid()}")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(target)
    fresh.replace(name)


def _remove(folder: Path) -> None:
    if folder.is_dir():
        # A killed build's children may still write for a moment: what is left over goes with the next set-up.
        shutil.rmtree(folder, ignore_errors=True)
