"""The command itself, under Pythons that are too old: made-up ones, since no old one need be here."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tools.setup.locations import ROOT

# Runs __main__.py as an old Python would see itself.
AS_OLD = """
import runpy, sys
sys.version_info = (3, 9, 2)
runpy.run_module("tools.setup", run_name="__main__")
"""


def run_old(path: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", AS_OLD],
        cwd=ROOT,
        env={"PATH": path},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def python(path: Path, code: int) -> None:
    """A Python that answers the check with ``code`` and else prints what it was asked."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f'#!/bin/sh\n[ "$1" = -c ] && exit {code}\necho "ran $*"\n')
    path.chmod(0o755)


def test_no_newer_python_is_a_clear_error(tmp_path: Path) -> None:
    answer = run_old(str(tmp_path))
    assert answer.returncode == 1
    assert "needs Python 3.11 or newer; this is 3.9" in answer.stderr
    assert "make setup PYTHON=" in answer.stderr
    assert "Traceback" not in answer.stderr


def test_a_newer_python_on_path_takes_over(tmp_path: Path) -> None:
    python(tmp_path / "python3.12", 0)
    answer = run_old(str(tmp_path))
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout == "ran -m tools.setup\n"


def test_a_shim_without_its_version_is_passed_over(tmp_path: Path) -> None:
    python(tmp_path / "python3.11", 127)
    python(tmp_path / "python3.13", 0)
    answer = run_old(str(tmp_path))
    assert answer.stdout == "ran -m tools.setup\n", answer.stderr


@pytest.mark.parametrize(
    "syntax_of", ["tools/__init__.py", "tools/setup/__init__.py", "tools/setup/__main__.py"]
)
def test_the_way_in_is_readable_by_old_pythons(syntax_of: str) -> None:
    """No f-strings with nested quotes, no walrus, no match: what Python 3.6 cannot read would hide the message."""
    ast.parse((ROOT / syntax_of).read_text(), feature_version=(3, 6))
