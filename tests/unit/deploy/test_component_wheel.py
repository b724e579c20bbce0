"""The component's own wheel: its modules under their own name, its version, what it asks for."""

import os
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import version
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from components.eventgrid_pubsub import __version__
from tools.images.requirements import COMPONENT, normal
from tools.setup.locations import ROOT

PACKAGE = "dapr_eventgrid_pubsub"


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel's contents."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=COMPONENT.parent,
        check=True,
        capture_output=True,
        timeout=60,
    )
    wheel = next(folder.glob("*.whl"))
    assert wheel.name == f"{PACKAGE}-{__version__}-py3-none-any.whl"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "unpacked")
    return folder / "unpacked"


def test_claims_no_name_but_its_own(unpacked: Path) -> None:
    assert {path.name for path in unpacked.iterdir()} == {PACKAGE, f"{PACKAGE}-{__version__}.dist-info"}
    for file in unpacked.rglob("*.py"):
        assert "components.eventgrid_pubsub" not in file.read_text(), file.name


def test_holds_every_module_and_the_metadata(unpacked: Path) -> None:
    source = COMPONENT.parent
    modules = {str(path.relative_to(source)) for path in source.rglob("*.py")} - {
        "hatch_build.py",
        "proto/generate.py",
    }
    assert {
        str(path.relative_to(unpacked / PACKAGE)) for path in (unpacked / PACKAGE).rglob("*.py")
    } == modules
    assert (unpacked / PACKAGE / "metadata.yaml").exists()


def test_runs_away_from_the_repository(unpacked: Path, tmp_path: Path) -> None:
    script = (unpacked / f"{PACKAGE}-{__version__}.dist-info" / "entry_points.txt").read_text()
    assert f"dapr-eventgrid-pubsub = {PACKAGE}.__main__:main" in script
    answer = subprocess.run(
        [sys.executable, "-m", PACKAGE, "--version"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(unpacked)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert answer.stdout.strip() == __version__


def test_asks_for_nothing_that_the_project_does_not() -> None:
    """And what the project is tested with is what it asks for."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    wanted = [Requirement(line) for line in tomllib.loads(COMPONENT.read_text())["project"]["dependencies"]]
    assert {normal(one.name) for one in wanted} <= {normal(line) for line in project}
    for one in wanted:
        assert one.specifier.contains(version(one.name)), one
