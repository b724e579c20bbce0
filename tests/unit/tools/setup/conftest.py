"""A cache of the test's own, and work to hand to a step."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tools.setup.commands import Children, Shell
from tools.setup.staging import Staging
from tools.setup.work import Work


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CLAIMLENS_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def said() -> list[str]:
    """What the step reported."""
    return []


@pytest.fixture
def work(cache: Path, said: list[str]) -> Iterator[Work]:
    with Staging(cache / "tmp" / "test") as staging:
        yield Work(said.append, Shell(Children(), cache / "logs" / "test.log"), staging, threading.Event())
