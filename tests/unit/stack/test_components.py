"""The component files as one stack's sidecars read them."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from tools.stack.components import SOURCE, ComponentFiles
from tools.stack.settings import Ports, StackSettings


def _values(path: Path) -> dict[str, str]:
    document: dict[str, Any] = yaml.safe_load(path.read_text())
    return {entry["name"]: entry.get("value", "") for entry in document["spec"]["metadata"]}


def _files(tmp_path: Path) -> ComponentFiles:
    files = ComponentFiles(StackSettings(data=tmp_path, ports=replace(Ports(), storage=1, event_grid=2)))
    files.render()
    return files


def test_ports_and_paths_are_the_stacks(tmp_path: Path) -> None:
    folder = _files(tmp_path).folder
    assert {path.name for path in folder.iterdir()} == {path.name for path in SOURCE.glob("*.yaml")}
    assert _values(folder / "images.yaml")["endpoint"] == "http://127.0.0.1:1"
    assert _values(folder / "image-events.yaml")["endpoint"] == "http://127.0.0.1:2"
    assert _values(folder / "image-records.yaml")["connectionString"] == str(tmp_path / "records.db")


def test_reopening_streams_changes_the_generation_alone(tmp_path: Path) -> None:
    files = _files(tmp_path)
    path = files.folder / "image-events.yaml"
    before = _values(path)
    files.reopen_streams()
    after = _values(path)
    assert before.pop("generation") != after.pop("generation")
    assert before == after


def test_files_without_a_source_go(tmp_path: Path) -> None:
    files = _files(tmp_path)
    (files.folder / "old.yaml").write_text("kind: Component")
    files.render()
    assert not (files.folder / "old.yaml").exists()


def test_every_component_is_scoped() -> None:
    for path in SOURCE.glob("*.yaml"):
        assert yaml.safe_load(path.read_text()).get("scopes"), f"{path.name}: every Dapr app would load it"
