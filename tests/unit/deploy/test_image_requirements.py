"""The images' requirement files: up to date with requirements.lock, and enough for what the code imports."""

import ast
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from tools.images import requirements
from tools.images.requirements import FOLDER, IMAGES, LOCK, LockError, entries, normal, subset

ROOT = LOCK.parent
CODE = {
    "services": [ROOT / "services"],
    "component": [ROOT / "components" / "eventgrid_pubsub"],
    "emulators": [ROOT / "emulators", ROOT / "tools" / "compose", ROOT / "tools" / "setup_model"],
}
NOT_IN_THE_IMAGE = {"grpc_tools", "hatchling"}
OURS = {"services", "components", "emulators", "tools"}

LOCK_TEXT = """\
# made by uv
a==1 \\
    --hash=sha256:aa
    # via claimlens (pyproject.toml)
b==2 ; python_full_version < '3.12' \\
    --hash=sha256:bb
    # via
    #   a
    #   c
b==3 ; python_full_version >= '3.12' \\
    --hash=sha256:cc
    # via a
c==1 \\
    --hash=sha256:dd
    # via claimlens (pyproject.toml)
"""


@pytest.mark.parametrize("image", IMAGES)
def test_is_what_the_lock_says(image: str) -> None:
    found = (FOLDER / f"{image}.lock").read_text()
    assert found == subset(image, entries(LOCK.read_text())), "run `python -m tools.images.requirements`"


def test_takes_what_the_roots_need_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requirements, "roots", lambda _: ["a"])
    text = subset("services", entries(LOCK_TEXT))
    assert "b==2" in text
    assert "b==3" in text
    assert "c==1" not in text
    monkeypatch.setattr(requirements, "roots", lambda _: ["c"])
    assert "a==1" not in subset("services", entries(LOCK_TEXT))


def test_a_root_that_is_not_locked_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requirements, "roots", lambda _: ["a", "missing"])
    with pytest.raises(LockError, match="missing"):
        subset("services", entries(LOCK_TEXT))


@pytest.mark.parametrize("image", IMAGES)
def test_everything_imported_is_in_the_image(image: str) -> None:
    locked = entries((FOLDER / f"{image}.lock").read_text())
    distributions = packages_distributions()
    for module in sorted(imported(CODE[image])):
        if module in distributions:
            names = {normal(name) for name in distributions[module]}
            assert names & locked.keys(), f"{module} is imported, and {image}.lock has none of {names}"


@pytest.mark.parametrize("name", [*IMAGES, "tools"])
def test_no_registry_is_named(name: str) -> None:
    text = (FOLDER / f"{name}.lock").read_text()
    assert "://" not in text
    assert text.count("==") <= text.count("--hash=sha256:")


def imported(folders: list[Path]) -> set[str]:
    """The third-party packages that the code imports by name."""
    found: set[str] = set()
    for file in (file for folder in folders for file in folder.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                found |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                found.add(node.module.split(".")[0])
    return found - OURS - NOT_IN_THE_IMAGE - set(sys.stdlib_module_names)
