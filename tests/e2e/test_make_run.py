"""Starting, stopping and starting again."""

import signal
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import psutil

from tests.support.scenes import png
from tests.support.stack import RunningStack, free_stack_ports, running_stack
from tests.support.waiting import until_sync
from tools.stack.settings import ROOT, Ports


def _gone(processes: list[psutil.Process]) -> bool:
    return not [p for p in processes if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]


def test_ctrl_c_stops_everything_and_a_second_run_finds_the_pictures(tmp_path: Path) -> None:
    with running_stack(tmp_path / "data") as first:
        identifier = first.upload(png(seed=77), "C-stays").json()["id"]
        first.wait_for(identifier)
        # Its own pictures and nobody else's: the index too is below --data.
        until_sync(lambda: first.listed() == [identifier], 20, "the index has this picture alone")
        started = first.processes()
        assert len(started) > 10
        assert first.interrupt() == 0
        assert _gone(started)
    with running_stack(tmp_path / "data") as second:
        assert second.record(identifier)["status"] == "classified"
        assert second.listed() == [identifier]
        # The supervisor itself killed: the next run ends what is left and works.
        left = second.processes()
        second.process.send_signal(signal.SIGKILL)
        second.process.wait(10)
        until_sync(lambda: _gone(left), 20, "the programs end with their supervisor")
    with running_stack(tmp_path / "data") as third:
        assert third.record(identifier)["status"] == "classified"


def test_a_port_in_use_is_named_with_its_process(stack: RunningStack, tmp_path: Path) -> None:
    ports = free_stack_ports()
    chosen = {port.name: getattr(ports, port.name) for port in fields(Ports)} | {"query": stack.ports.query}
    text = ",".join(f"{name}={number}" for name, number in chosen.items())
    ended = subprocess.run(
        [sys.executable, "-m", "tools.stack", "run", "--data", str(tmp_path), "--ports", text],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert ended.returncode == 1
    assert f"query {stack.ports.query}: process " in ended.stderr
    assert "services.query" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_the_same_data_is_not_run_twice(stack: RunningStack) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "tools.stack", "run", "--data", str(stack.data)],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert ended.returncode == 1
    assert f"running already, as process {stack.process.pid}" in ended.stderr
