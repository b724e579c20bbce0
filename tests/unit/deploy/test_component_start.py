"""deploy/images/start.py: a component that comes up again in its pod tells the sidecar to start anew."""

import http.server
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.ports import free_port
from tools.setup.locations import ROOT

START = ROOT / "deploy" / "images" / "start.py"


@pytest.fixture
def told() -> Iterator[tuple[str, list[str]]]:
    """A sidecar's address, and what it was asked."""
    asked: list[str] = []

    class Sidecar(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.append(self.path)
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Sidecar) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/v1.0/shutdown", asked
        server.shutdown()
        thread.join(10)


def start(folder: Path, url: str) -> "subprocess.CompletedProcess[str]":
    """With a component that ends at once and says what it was given."""
    program = folder / "bin" / "dapr-eventgrid-pubsub"
    program.parent.mkdir(exist_ok=True)
    program.write_text('#!/bin/sh\necho "component $*"\n')
    program.chmod(0o755)
    env = {
        "PATH": f"{program.parent}:{os.environ['PATH']}",
        "DAPR_COMPONENTS_SOCKETS_FOLDER": str(folder / "sockets"),
        "SIDECAR_SHUTDOWN_URL": url,
    }
    return subprocess.run(
        [sys.executable, str(START), "--grace", "5s"],
        env=env,
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )


def test_the_first_start_tells_nobody(tmp_path: Path, told: tuple[str, list[str]]) -> None:
    url, asked = told
    assert start(tmp_path, url).stdout == "component --grace 5s\n"
    assert asked == []


def test_a_restart_tells_the_sidecar(tmp_path: Path, told: tuple[str, list[str]]) -> None:
    url, asked = told
    start(tmp_path, url)
    assert start(tmp_path, url).stdout == "component --grace 5s\n"
    assert asked == ["/v1.0/shutdown"]
    assert all(path.is_dir() for path in (tmp_path / "sockets").iterdir()), "daprd warns about other files"


def test_a_sidecar_that_is_away_keeps_nobody_from_starting(tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{free_port()}/v1.0/shutdown"
    start(tmp_path, url)
    answer = start(tmp_path, url)
    assert answer.stdout == "component --grace 5s\n"
    assert "refused" in answer.stderr


def test_without_an_address_nobody_is_told(tmp_path: Path, told: tuple[str, list[str]]) -> None:
    start(tmp_path, "")
    start(tmp_path, "")
    assert told[1] == []
