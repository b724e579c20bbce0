"""The program: its help, its end, and what it says when it cannot start."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.eventgrid_component import ROOT, ComponentProcess
from tests.support.ports import free_port

COMMAND = [sys.executable, "-m", "components.eventgrid_pubsub"]


def run(*arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments],
        cwd=ROOT,
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        timeout=30,
    )


@pytest.fixture
def process(folder: Path, tmp_path: Path) -> Iterator[ComponentProcess]:
    one = ComponentProcess([folder], tmp_path / "log", ("--log-format", "json"))
    one.start()
    yield one
    one.kill()


def test_help_is_complete() -> None:
    text = run("--help").stdout
    for word in (
        "--sockets-folder", "--socket-mode", "--http-host", "--http-port", "--grace", "--log-format", "--log-level",
        "DAPR_COMPONENTS_SOCKETS_FOLDER", "azure.eventgrid.sock",
    ):  # fmt: skip
        assert word in text, word


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_cleanly_and_soon(process: ComponentProcess, number: signal.Signals, folder: Path) -> None:
    started = time.monotonic()
    assert process._end(number) == 0
    assert time.monotonic() - started < 5
    assert not list(folder.iterdir())


def test_a_second_one_is_told_that_the_socket_is_in_use(process: ComponentProcess, folder: Path) -> None:
    second = run("--sockets-folder", str(folder), "--http-port", "0")
    assert second.returncode == 2
    assert "is in use: another component answers there" in second.stderr


def test_a_port_in_use(process: ComponentProcess, tmp_path: Path) -> None:
    second = run("--sockets-folder", str(tmp_path / "s"), "--http-port", str(process.port))
    assert second.returncode == 2
    assert f"port {process.port} cannot be used" in second.stderr


def test_after_sigkill_it_starts_again(process: ComponentProcess) -> None:
    process.kill()
    process.start()
    assert process.health()["status"] == "ok"


def test_the_folder_comes_from_daprs_variable(folder: Path, tmp_path: Path) -> None:
    port = free_port()
    running = subprocess.Popen(
        [*COMMAND, "--http-port", str(port)],
        cwd=ROOT,
        env={
            **os.environ,
            "DAPR_COMPONENTS_SOCKETS_FOLDER": str(folder),
            "EVENTGRID_PUBSUB_SOCKET_MODE": "0666",
        },
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        deadline = time.monotonic() + 20
        path = folder / "azure.eventgrid.sock"
        while not path.exists() or path.stat().st_mode & 0o777 != 0o666:
            assert time.monotonic() < deadline
            assert running.poll() is None
    finally:
        os.killpg(running.pid, signal.SIGKILL)
        running.wait(10)


def test_a_path_too_long_for_a_socket_says_so(tmp_path: Path) -> None:
    folder = tmp_path / ("long" * 30)
    ended = run("--sockets-folder", str(folder), "--http-port", "0")
    assert ended.returncode == 2
    assert "azure.eventgrid.sock cannot be used: AF_UNIX path too long" in ended.stderr
