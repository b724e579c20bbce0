"""Dapr's files in the containers: those of `components/`, but for paths; a restarted component shows in them."""

import socket
import tempfile
from pathlib import Path
from typing import Any

import yaml

from services.contracts.names import Component
from tools.compose.components import COMPONENTS, SOCKET, generation_of, rendered, write
from tools.compose.cosmos import COLLECTION, DATABASE

FOLDER = Path("/components")
RENDERED = rendered(FOLDER, "7")


def metadata(text: str) -> dict[str, Any]:
    entries = yaml.safe_load(text)["spec"].get("metadata", [])
    return {entry["name"]: entry.get("value", entry.get("secretKeyRef")) for entry in entries}


def test_they_are_those_of_one_machine_but_for_paths() -> None:
    own = {
        "image-events.yaml": {"generation"},
        "image-records.yaml": {"connectionString"},
        "secrets.yaml": {"secretsFile"},
    }
    sources = {source.name: source.read_text() for source in (COMPONENTS / "local").glob("*.yaml")}
    assert {f"resources/{name}" for name in sources} == {
        name for name in RENDERED if name.startswith("resources/")
    }
    for name, source in sources.items():
        here, there = yaml.safe_load(RENDERED[f"resources/{name}"]), yaml.safe_load(source)
        before, after = metadata(source), metadata(RENDERED[f"resources/{name}"])
        assert {key for key in before if before[key] != after[key]} == own.get(name, set())
        assert {**here, "spec": None} == {**there, "spec": None}, "names, scopes, secret store"
    assert RENDERED["dapr-config.yaml"] == (COMPONENTS / "dapr-config.yaml").read_text()
    secrets = metadata(RENDERED["resources/secrets.yaml"])["secretsFile"]
    assert secrets.removeprefix(f"{FOLDER}/") in RENDERED


def test_cosmos_takes_the_file_of_azure() -> None:
    document = yaml.safe_load(rendered(FOLDER, "7", cosmos=True)["resources/image-records.yaml"])
    azure = yaml.safe_load((COMPONENTS / "azure" / "image-records.yaml").read_text())
    assert document["spec"]["type"] == azure["spec"]["type"]
    assert document["metadata"]["name"] == Component.IMAGE_RECORDS
    given = metadata(yaml.safe_dump(document))
    assert (given["database"], given["collection"], given["keyPrefix"]) == (DATABASE, COLLECTION, "name")
    assert "azureClientId" not in given
    assert "{" not in "".join(map(str, given.values())), "every placeholder is filled"
    assert document["scopes"] == azure["scopes"]


def test_a_new_socket_is_a_new_generation() -> None:
    # Not tmp_path: a socket's path has 107 characters at most.
    with tempfile.TemporaryDirectory() as name:
        sockets = Path(name)
        assert generation_of(sockets) is None
        seen = set()
        for _ in range(2):
            with socket.socket(socket.AF_UNIX) as listener:
                listener.bind(str(sockets / SOCKET))
                generation = generation_of(sockets)
                assert generation == generation_of(sockets), "it stays while the socket does"
                seen.add(generation)
            (sockets / SOCKET).unlink()
        assert len(seen) == 2


def test_only_what_changed_is_written(tmp_path: Path) -> None:
    assert sorted(write(tmp_path, rendered(tmp_path, "1"))) == sorted(rendered(tmp_path, "1"))
    assert write(tmp_path, rendered(tmp_path, "1")) == []
    assert write(tmp_path, rendered(tmp_path, "2")) == ["resources/image-events.yaml"]
    left = [path.name for path in (tmp_path / "resources").iterdir()]
    assert all(name.endswith(".yaml") for name in left), "daprd warns about other files"
