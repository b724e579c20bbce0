"""What tests alone need, fetched or built when the first of them asks for it."""

import subprocess
import sys

import pytest

from tools.setup.locations import ROOT

TIMEOUT_S = 600


def make_sure_of(name: str) -> None:
    """Fail the test, with the reason, where it cannot be had."""
    command = [sys.executable, "-m", "tools.setup.for_checks", name]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    if answer.returncode:
        pytest.fail(f"{name} could not be set up:\n{answer.stdout}{answer.stderr}")
