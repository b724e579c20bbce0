"""The vendor's resource types: asked for once, cached, and missed with a clear word."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.deploy.bicep_files import copy_to, needs_type_data
from tools.checks.bicep.types import Discriminated, TypeLibrary
from tools.setup.locations import ROOT

IDENTITY = "Microsoft.ManagedIdentity/userAssignedIdentities"

WIDGET = [
    {
        "$type": "Resource",
        "name": "Test/widgets@2026-01-01",
        "bodyType": {
            "properties": [
                {"name": "apiVersion", "type": "2026-01-01", "flags": "ReadOnly"},
                {"name": "name", "type": "string", "flags": "Required"},
                {"name": "shape", "type": "Shape"},
            ]
        },
    },
    {
        "$type": "DiscriminatedObject",
        "name": "Shape",
        "baseProperties": [{"name": "colour", "type": "string"}],
        "elements": [
            {
                "properties": [
                    {"name": "kind", "type": kind, "flags": "Required"},
                    {"name": size, "type": "int"},
                ]
            }
            for kind, size in (("circle", "radius"), ("square", "side"))
        ],
    },
]


def test_a_cached_type_is_read_without_the_server(tmp_path: Path) -> None:
    (tmp_path / "Test_widgets.json").write_text(json.dumps(WIDGET), encoding="utf-8")

    found = TypeLibrary(tmp_path).get("Test/widgets")

    assert found is not None
    assert found.version == "2026-01-01"
    assert found.body.properties["name"].required
    shape = found.objects["Shape"]
    assert isinstance(shape, Discriminated)
    assert (shape.key, sorted(shape.variants)) == ("kind", ["circle", "square"])


@needs_type_data
@pytest.mark.timeout(300)
def test_the_server_is_asked_for_what_is_not_cached_or_broken(tmp_path: Path) -> None:
    (tmp_path / f"{IDENTITY.replace('/', '_')}.json").write_text("{", encoding="utf-8")
    library = TypeLibrary(tmp_path)

    library.prepare([IDENTITY, "Microsoft.Nothing/atAll"])

    known = library.get(IDENTITY)
    assert known is not None
    assert known.body.properties["location"].required
    assert library.get("Microsoft.Nothing/atAll") is None
    assert not list(tmp_path.glob("*.part"))
    assert TypeLibrary(tmp_path).get(IDENTITY) == known


@needs_type_data
@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("file", "size", "code"),
    [("main.bicep", "'small'", 0), ("main.bicep", "small", 1), ("nothing.bicep", "", 2)],
)
def test_the_program_says_what_it_found_by_its_exit_code(
    tmp_path: Path, file: str, size: str, code: int
) -> None:
    main = copy_to(tmp_path)
    main.write_text(main.read_text(encoding="utf-8").replace("'small'", size), encoding="utf-8")

    done = subprocess.run(
        [sys.executable, "-m", "tools.checks.bicep", str(main.with_name(file))],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )

    assert done.returncode == code, done.stdout + done.stderr
    assert done.stdout or done.stderr
