"""Builds the wheel: the modules under the name that they have outside this repository.

Here they are ``components.eventgrid_pubsub``, which would claim the name ``components`` wherever it is installed.
"""

import shutil
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

HERE, PACKAGE = "components.eventgrid_pubsub", "dapr_eventgrid_pubsub"
LEFT_OUT = {"hatch_build.py", "generate.py"}
DATA = {".yaml", ".proto"}


class Renamed(BuildHookInterface):  # type: ignore[type-arg]
    """Copies the modules with their imports renamed."""

    def initialize(self, _version: str, build_data: dict[str, Any]) -> None:
        self._copy = Path(mkdtemp(prefix="dapr-eventgrid-pubsub-"))
        root = Path(self.root)
        for source in sorted(root.rglob("*")):
            inside = source.relative_to(root)
            if not source.is_file() or source.name in LEFT_OUT or inside.parts[0] in ("build", "dist"):
                continue
            target = self._copy / inside
            if source.suffix == ".py":
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(source.read_text().replace(HERE, PACKAGE))
            elif source.suffix in DATA:
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(source, target)
        build_data["force_include"][str(self._copy)] = PACKAGE

    def finalize(self, _version: str, _build_data: dict[str, Any], _artifact: str) -> None:
        shutil.rmtree(self._copy, ignore_errors=True)
