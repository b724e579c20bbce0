"""The Dapr component files of `components/local/` with this stack's ports and paths, and their reloading."""

from pathlib import Path
from typing import Any

import yaml

from tools.stack.settings import ROOT, StackSettings

SOURCE = ROOT / "components" / "local"


class ComponentFiles:
    """A rendered copy that the sidecars of one stack read."""

    def __init__(self, settings: StackSettings) -> None:
        self._settings = settings
        self._generation = 0

    @property
    def folder(self) -> Path:
        return self._settings.components

    def render(self) -> None:
        """Write every file anew; files of an earlier run that have no source any more are removed."""
        self.folder.mkdir(parents=True, exist_ok=True)
        sources = sorted(SOURCE.glob("*.yaml"))
        for stale in {path.name for path in self.folder.iterdir()} - {path.name for path in sources}:
            (self.folder / stale).unlink()
        for source in sources:
            self._write(source.name, self._with_settings(yaml.safe_load(source.read_text())))

    def reopen_streams(self) -> None:
        """Make daprd reload the pub/sub component and open its subscription streams anew.

        daprd 1.18 does not re-open a broken PullMessages stream; a changed metadata value makes it reload.
        """
        self._generation += 1
        source = SOURCE / "image-events.yaml"
        self._write(source.name, self._with_settings(yaml.safe_load(source.read_text())))

    def _values(self) -> dict[tuple[str, str], str]:
        return {
            ("images", "endpoint"): self._settings.url("storage"),
            ("image-events", "endpoint"): self._settings.url("event_grid"),
            ("image-events", "generation"): str(self._generation),
            ("image-records", "connectionString"): str(self._settings.data / "records.db"),
            ("secrets", "secretsFile"): str(ROOT / "components" / "development-secrets.json"),
        }

    def _with_settings(self, document: dict[str, Any]) -> dict[str, Any]:
        name = document["metadata"]["name"]
        for entry in document["spec"].get("metadata", []):
            value = self._values().get((name, entry["name"]))
            if value is not None:
                entry["value"] = value
        return document

    def _write(self, name: str, document: dict[str, Any]) -> None:
        # daprd watches the folder: it must never see half a file, nor one that it does not know as YAML.
        fresh = self._settings.run / f"{name}.new"
        fresh.write_text(yaml.safe_dump(document, sort_keys=False))
        fresh.replace(self.folder / name)
