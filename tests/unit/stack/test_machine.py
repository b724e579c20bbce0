"""Ports that are taken, and what an earlier stack left."""

import json
import os
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from tests.support.stack import free_stack_ports
from tools.stack.errors import AlreadyRunning, PortInUse
from tools.stack.machine import ProcessFile, end_group, members, require_free


def _sleeper() -> subprocess.Popen[bytes]:
    code = "import signal, sys; print('up', flush=True); signal.pause()"
    process = subprocess.Popen([sys.executable, "-c", code], start_new_session=True, stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"up\n"
    process.stdout.close()
    return process


def test_a_taken_port_is_named_with_its_process() -> None:
    ports = free_stack_ports()
    require_free(ports)
    with socket.create_server(("127.0.0.1", 0)) as server:
        taken = server.getsockname()[1]
        with pytest.raises(PortInUse) as caught:
            require_free(replace(ports, vision=taken))
    assert f"vision {taken}: process {os.getpid()}" in str(caught.value)
    assert "--ports" in str(caught.value)


def test_what_a_dead_stack_left_is_ended_and_nothing_else(tmp_path: Path) -> None:
    left, bystander = _sleeper(), _sleeper()
    try:
        path = tmp_path / "run" / "processes.json"
        path.parent.mkdir()
        path.write_text(
            json.dumps(
                {
                    "stack": [left.pid, 1.0],
                    "vision": [left.pid, psutil.Process(left.pid).create_time()],
                    # The id is in use again, by a process that started at another time.
                    "storage": [bystander.pid, psutil.Process(bystander.pid).create_time() - 100],
                }
            )
        )
        ProcessFile(path).claim()
        assert left.wait(5) != 0
        assert bystander.poll() is None
        assert json.loads(path.read_text()).keys() == {"stack"}
    finally:
        for process in (left, bystander):
            process.kill()
            process.wait()


def test_a_running_stack_is_left_alone(tmp_path: Path) -> None:
    other = _sleeper()
    try:
        path = tmp_path / "run" / "processes.json"
        path.parent.mkdir()
        path.write_text(json.dumps({"stack": [other.pid, psutil.Process(other.pid).create_time()]}))
        with pytest.raises(AlreadyRunning, match=f"process {other.pid}"):
            ProcessFile(path).claim()
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


def test_a_group_that_ignores_sigterm_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tools.stack.machine.GRACE_S", 0.3)
    code = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); signal.pause()"
    process = subprocess.Popen([sys.executable, "-c", code], start_new_session=True, stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"up\n"
    process.stdout.close()
    end_group(process.pid)
    assert process.wait(5) < 0
    assert members(process.pid) == []
