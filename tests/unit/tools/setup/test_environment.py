"""When the environment counts as made."""

import shutil
from pathlib import Path

import pytest

from tools.setup.environment import Environment


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    root = tmp_path / "checkout"
    (root / ".venv" / "bin").mkdir(parents=True)
    (root / ".venv" / "bin" / "python").write_text("")
    (root / "requirements.lock").write_text("one==1\n")
    return root


def mark(root: Path) -> None:
    (root / ".venv" / ".claimlens-setup").write_text(Environment(root).key)


def test_complete_with_its_mark_alone(checkout: Path) -> None:
    assert not Environment(checkout).is_complete()
    mark(checkout)
    assert Environment(checkout).is_complete()


def test_an_environment_whose_python_is_gone_is_not(checkout: Path) -> None:
    mark(checkout)
    python = checkout / ".venv" / "bin" / "python"
    python.unlink()
    python.symlink_to(checkout / "uninstalled")
    assert not Environment(checkout).is_complete()


def test_a_copied_checkout_makes_its_own(checkout: Path, tmp_path: Path) -> None:
    mark(checkout)
    shutil.copytree(checkout, tmp_path / "copy")
    assert not Environment(tmp_path / "copy").is_complete()


def test_another_lock_is_another_environment(checkout: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "requirements.lock").write_text("one==2\n")
    assert Environment(checkout).key.partition("-")[2] != Environment(other).key.partition("-")[2]
