"""Component files use keys that their components know; the check sees each kind of slip."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tools.checks.component_metadata import (
    OWN,
    TABLE,
    TYPES,
    check_component,
    check_file,
    default_files,
    known_components,
    pinned_version,
    refresh,
)
from tools.setup.locations import ROOT

AZURE = ROOT / "components" / "azure"


@pytest.mark.parametrize("path", default_files(), ids=lambda path: f"{path.parent.name}/{path.name}")
def test_a_component_file_is_right(path: Path) -> None:
    assert check_file(path) == []


def test_the_table_is_of_the_pinned_version() -> None:
    assert f'"module": "github.com/dapr/components-contrib@{pinned_version()}"' in TABLE.read_text(
        encoding="utf-8"
    )
    assert set(TYPES) <= set(known_components())


def test_our_own_component_says_what_it_takes() -> None:
    assert OWN.exists()
    assert {"endpoint", "consumerID"} <= set(known_components()["pubsub.azure.eventgrid"]["keys"])


FAULTS = [
    ("images.yaml", "containerName", "container", "knows no `container`"),
    ("images.yaml", "containerName", "container", "needs `containerName`"),
    ("images.yaml", "accountName", "account", "no way to sign in"),
    ("images.yaml", 'value: "true"', "value: true", "must be a string"),
    ("images.yaml", 'value: "true"', 'value: "yes"', "must be true or false"),
    ("images.yaml", "- name: azureClientId", "- name: accountName", "given twice"),
    ("images.yaml", "- name: azureClientId", "- name: accountKey", "wants a secretKeyRef"),
    ("images.yaml", "scopes:\n  - ingest\n  - classifier\n  - query\n", "", "without scopes"),
    ("images.yaml", "azure.blobstorage", "azure.blobstore", "not in the table"),
    ("images.yaml", "version: v1\n  metadata", "version: v3\n  metadata", "no version v3"),
    ("image-events.yaml", 'value: "20"', 'value: "20s"', "must be a number"),
    ("image-records.yaml", "keyPrefix", "keysPrefix", "knows no `keysPrefix`"),
    ("image-records.yaml", "- name: database", "- name: databases", "needs `database`"),
    ("secrets.yaml", "vaultName", "vault", "needs `vaultName`"),
    ("secrets.yaml", "spec:", "spec: [", "while parsing"),
]


@pytest.mark.parametrize(("file", "old", "new", "expected"), FAULTS, ids=[f"{f[0]}: {f[3]}" for f in FAULTS])
def test_a_planted_slip_is_found(tmp_path: Path, file: str, old: str, new: str, expected: str) -> None:
    text = (AZURE / file).read_text(encoding="utf-8")
    assert old in text
    broken = tmp_path / file
    broken.write_text(text.replace(old, new, 1), encoding="utf-8")

    faults = check_file(broken)

    assert any(expected in fault for fault in faults), faults


def test_a_value_outside_the_allowed_ones_is_found() -> None:
    component = yaml.safe_load((AZURE / "images.yaml").read_text(encoding="utf-8"))
    component["spec"]["metadata"].append({"name": "publicAccessLevel", "value": "everybody"})

    assert any("must be one of none" in fault for fault in check_component(component))


def test_the_table_is_made_from_a_modules_own_words(tmp_path: Path) -> None:
    azure = tmp_path / "common" / "authentication" / "azure"
    azure.mkdir(parents=True)
    (azure / "metadata-properties.go").write_text(
        '\t"ClientID": {"azureClientId", "spnClientId"},\n', encoding="utf-8"
    )
    folder = tmp_path / "state" / "redis"
    folder.mkdir(parents=True)
    (folder / "metadata.yaml").write_text(
        "schemaVersion: v1\ntype: state\nname: redis\nversion: v1\n"
        "builtinAuthenticationProfiles:\n  - name: azuread\n"
        "metadata:\n  - name: redisHost\n    required: true\n",
        encoding="utf-8",
    )

    table: dict[str, Any] = refresh(tmp_path)

    assert table["components"] == {
        "state.redis": {
            "versions": ["v1"],
            "keys": {"redisHost": {"required": True}},
            "profiles": [{"azureClientId": {}}],
        }
    }


def test_only_placeholders_that_bicep_fills_in_are_used() -> None:
    apps = (ROOT / "deploy" / "bicep" / "stack.bicep").read_text(encoding="utf-8")
    hosting = (ROOT / "deploy" / "bicep" / "modules" / "hosting.bicep").read_text(encoding="utf-8")
    given = re.search(r"addresses: \{(.*?)\n    \}", apps, re.DOTALL)
    own = re.search(r"values: union\(addresses, \{(.*?)\n    \}\)", hosting, re.DOTALL)
    assert given is not None
    assert own is not None
    filled = set(re.findall(r"^\s*(\w+):", given[1] + own[1], re.MULTILINE))

    used = {
        name
        for path in AZURE.glob("*.yaml")
        for document in [yaml.safe_load(path.read_text(encoding="utf-8"))]
        for entry in document["spec"].get("metadata", [])
        for name in re.findall(r"\{(\w+)\}", entry["value"])
    }

    assert used == filled
