"""Interrupting, killing and doubling a set-up: real processes, a made-up step, a real cache folder."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from tests.support.waiting import until_sync
from tools.setup.locations import ROOT


class Setup:
    """Starts fake_setup and holds on to what it started."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.cache = folder / "cache"
        self.started: list[subprocess.Popen[str]] = []

    def start(self, *command: str) -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.unit.tools.setup.fake_setup", str(self.folder), *command],
            cwd=ROOT,
            env={**os.environ, "CLAIMLENS_CACHE": str(self.cache)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.started.append(process)
        return process

    def child_of(self, process: "subprocess.Popen[str]") -> psutil.Process:
        """The program that the step runs, once it runs."""
        return until_sync(lambda: psutil.Process(process.pid).children(), 10, "the step's child")[0]

    def leftovers(self) -> list[Path]:
        return list((self.cache / "tmp").iterdir()) if (self.cache / "tmp").exists() else []

    @property
    def runs(self) -> int:
        return len((self.folder / "runs").read_text().split())


@pytest.fixture
def setup(tmp_path: Path) -> Iterator[Setup]:
    setup = Setup(tmp_path)
    yield setup
    for process in setup.started:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate(timeout=10)


def gone(process: psutil.Process) -> bool:
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


def test_makes_the_step_and_says_so(setup: Setup) -> None:
    process = setup.start("echo", "hello")
    output, _ = process.communicate(timeout=20)
    assert process.returncode == 0, output
    assert "Everything is set up" in output
    assert (setup.folder / "made" / "file").read_text() == "whole"
    assert setup.leftovers() == []
    assert "$ echo hello\nhello\n" in (setup.cache / "logs" / "fake-1.log").read_text()


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_interrupt_ends_children_and_leaves_nothing_half(setup: Setup, how: signal.Signals) -> None:
    # The child has a child of its own: the whole group must go.
    process = setup.start("sh", "-c", "sleep 600 & wait")
    child = setup.child_of(process)
    family = [child, *until_sync(child.children, 10, "the grandchild")]
    os.kill(process.pid, how)
    output, _ = process.communicate(timeout=20)
    assert process.returncode == 130, output
    assert "`make setup` goes on from there" in output
    until_sync(lambda: all(gone(one) for one in family), 5, "the children's end")
    assert not (setup.folder / "made").exists()
    assert setup.leftovers() == []


def test_a_child_that_ignores_the_end_is_killed(setup: Setup) -> None:
    process = setup.start("sh", "-c", "trap '' TERM; while :; do sleep 0.1; done")
    child = setup.child_of(process)
    os.kill(process.pid, signal.SIGINT)
    output, _ = process.communicate(timeout=30)
    assert process.returncode == 130, output
    assert gone(child)


def test_two_at_once_make_it_once(setup: Setup) -> None:
    gate = setup.folder / "gate"
    os.mkfifo(gate)
    first = setup.start("cat", str(gate))
    setup.child_of(first)
    second = setup.start("cat", str(gate))
    assert second.stdout is not None
    for line in second.stdout:
        if "waiting for another set-up" in line:
            break
    else:
        pytest.fail("the second set-up did not say that it waits")
    gate.write_text("")
    assert first.wait(20) == 0
    output, _ = second.communicate(timeout=20)
    assert second.returncode == 0, output
    assert setup.runs == 1


def test_an_orphan_keeps_the_lock_of_a_killed_set_up(setup: Setup) -> None:
    gate = setup.folder / "gate"
    os.mkfifo(gate)
    first = setup.start("cat", str(gate))
    orphan = setup.child_of(first)
    os.kill(first.pid, signal.SIGKILL)
    first.wait(10)
    second = setup.start("true")
    assert second.stdout is not None
    for line in second.stdout:
        if "waiting for another set-up" in line:
            break
    assert not gone(orphan)
    assert setup.runs == 1
    gate.write_text("")
    output, _ = second.communicate(timeout=20)
    assert second.returncode == 0, output
    assert setup.runs == 2
    assert setup.leftovers() == []


def test_a_failure_shows_the_log_and_its_end_and_no_traceback(setup: Setup) -> None:
    process = setup.start("sh", "-c", "echo first; echo the reason; exit 3")
    output, _ = process.communicate(timeout=20)
    assert process.returncode == 1
    assert "fake: The command failed with exit code 3." in output
    assert f"Log: {setup.cache / 'logs' / 'fake-1.log'}" in output
    assert "  | the reason" in output
    assert "Traceback" not in output
    assert not (setup.folder / "made").exists()
