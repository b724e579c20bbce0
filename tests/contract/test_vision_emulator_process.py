"""The Vision emulator as a program: how it starts, what it refuses, how it ends."""

import contextlib
import json
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import pytest

from tests.support.ports import free_port
from tests.support.vision_process import ROOT, end, vision_process
from tests.support.waiting import until_sync
from tests.unit.emulator_vision.pictures import encoded, plain


def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "emulators.vision", *arguments], cwd=ROOT, capture_output=True, text=True, timeout=60,
        check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip


def test_help_names_every_setting() -> None:
    shown = run("--help")
    assert shown.returncode == 0
    for option in ("--host", "--port", "--key", "--rate-limit", "--no-caption", "--workers", "--timeout",
                   "--fetch-timeout", "--model", "--custom-vision", "--log-format"):  # fmt: skip
        assert option in shown.stdout


def test_a_port_in_use() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        refused = run("--port", str(port))
    assert refused.returncode == 2
    assert f"127.0.0.1:{port} is in use" in refused.stderr


@pytest.mark.parametrize("option", ["--model", "--custom-vision"])
def test_a_file_that_is_not_there(option: str, tmp_path: Path) -> None:
    refused = run(option, str(tmp_path / "gone.yaml"))
    assert refused.returncode == 2
    assert "gone.yaml cannot be read" in refused.stderr


def test_a_broken_model_is_told_by_readiness(tmp_path: Path) -> None:
    (tmp_path / "model.yaml").write_text("{name: broken, model: m.onnx, labels: l.txt}")
    (tmp_path / "m.onnx").write_bytes(b"no model")
    (tmp_path / "l.txt").write_text("a\nb\n")
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "emulators.vision", "--port", str(port), "--model", str(tmp_path)], cwd=ROOT,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    url = f"http://127.0.0.1:{port}"
    try:
        until_sync(
            lambda: "not a usable ONNX model" in httpx.get(url + "/readyz", trust_env=False).text, 30, "told"
        )
        assert httpx.get(url + "/healthz", trust_env=False).status_code == 200
        response = httpx.post(
            f"{url}/computervision/imageanalysis:analyze?api-version=2023-10-01&features=tags",
            content=encoded(plain()), trust_env=False, timeout=10,
            headers={"Ocp-Apim-Subscription-Key": "claimlens-development-key",
                     "Content-Type": "application/octet-stream"},
        )  # fmt: skip
        assert response.status_code == 500
        assert response.json()["error"]["code"] == "InternalServerError"
    finally:
        end(process)


def call_and_forget(url: str) -> None:
    with contextlib.suppress(httpx.HTTPError):
        httpx.post(url + "/computervision/imageanalysis:analyze", timeout=20, trust_env=False)


def test_it_ends_cleanly_although_a_call_hangs(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with vision_process(["--model", "none", "--key", "other", "--log-format", "json"], log=log) as vision:
        vision.faults({"hang": True})
        hanging = threading.Thread(target=call_and_forget, args=(vision.url,), daemon=True)
        hanging.start()
        until_sync(lambda: vision.in_flight() == 1, 10, "the call hangs")
        start = time.monotonic()
        vision.process.terminate()
        assert vision.process.wait(5) == 0
        assert time.monotonic() - start < 5
        hanging.join(10)
    events = [json.loads(line)["event"] for line in log.read_text().splitlines()]
    assert events[0] == "listening"
    assert events[-1] == "ended"


def test_without_a_classifier_it_says_so() -> None:
    with vision_process(["--model", "none"]) as vision:
        response = httpx.post(
            f"{vision.url}/computervision/imageanalysis:analyze?api-version=2023-10-01&features=tags",
            content=encoded(plain()), trust_env=False, timeout=20,
            headers={"Ocp-Apim-Subscription-Key": vision.key, "Content-Type": "application/octet-stream"},
        )  # fmt: skip
    assert response.json()["modelVersion"].startswith("pixels+")
