"""When the environment counts as made."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tools.setup.environment import Environment, mirror_for_uv
from tools.setup.locations import ROOT


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


@pytest.fixture
def no_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user without settings of uv or pip; gives their folder of settings."""
    for name in ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_INDEX", "UV_CONFIG_FILE", "PIP_INDEX_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return tmp_path


def test_uv_follows_the_mirror_of_pips_variable(no_settings: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "https://mirror.example/simple")
    assert mirror_for_uv() == {"UV_DEFAULT_INDEX": "https://mirror.example/simple"}


def test_uv_follows_the_mirror_of_pips_file(no_settings: Path) -> None:
    """Asked of the machine's Python, which runs the set-up: the environment of the tests holds no pip."""
    (no_settings / "pip.conf").write_text("[global]\nindex-url = https://mirror.example/simple\n")
    ask = "from tools.setup.environment import mirror_for_uv; print(mirror_for_uv())"
    python = str(getattr(sys, "_base_executable", sys.executable))
    if subprocess.run(
        [python, "-m", "pip", "--version"], capture_output=True, timeout=60, check=False
    ).returncode:
        pytest.skip("this machine's Python has no pip")
    answer = subprocess.run(
        [python, "-c", ask], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    assert answer.stdout.strip() == "{'UV_DEFAULT_INDEX': 'https://mirror.example/simple'}"


@pytest.mark.usefixtures("no_settings")
def test_uv_keeps_its_own_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "https://mirror.example/simple")
    monkeypatch.setenv("UV_DEFAULT_INDEX", "https://other.example/simple")
    assert mirror_for_uv() == {}


def test_uv_keeps_its_own_file(no_settings: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "https://mirror.example/simple")
    (no_settings / "config" / "uv").mkdir(parents=True)
    (no_settings / "config" / "uv" / "uv.toml").write_text("")
    assert mirror_for_uv() == {}
