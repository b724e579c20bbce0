"""The vendor's resource types, asked of the Azure MCP server of the package msmcp-azure over its standard input.

One process answers for all types: starting one for each takes a second or two every time. It needs no network.
"""

import json
import os
import queue
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from tools.checks.bicep.faults import TypeDataUnavailable

TIMEOUT_S: Final = 120.0
"""For one answer. The first takes 3 s on an idle machine."""

TypeData = list[dict[str, Any]]


def program() -> Path:
    """Raises TypeDataUnavailable."""
    beside = Path(sys.executable).parent / "azmcp"
    found = str(beside) if beside.exists() else shutil.which("azmcp")
    if found is None:
        raise TypeDataUnavailable(
            "azmcp is not there: it comes with the package msmcp-azure (extra `deploy`)"
        )
    return Path(found)


class Server:
    """A running server. Use `running()`."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self._lines: queue.Queue[str] = queue.Queue()
        self._next = 0
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for received in self._process.stdout:
            self._lines.put(received)
        self._lines.put("")

    def introduce(self) -> None:
        client = {"name": "claimlens-checks", "version": "1"}
        self._call("initialize", {"protocolVersion": "2024-11-05", "capabilities": {}, "clientInfo": client})
        self._send({"jsonrpc": "2.0", "method": "notifications/initialized"})

    def types_of(self, resource_type: str) -> TypeData | None:
        """What Bicep knows of a resource type in its newest version; None if the server does not know it."""
        answer = self._call(
            "tools/call", {"name": "bicepschema_get", "arguments": {"resource-type": resource_type}}
        )
        try:
            found = json.loads(answer["result"]["content"][0]["text"])
        except (KeyError, IndexError, ValueError) as error:
            raise TypeDataUnavailable(f"azmcp's answer about {resource_type} makes no sense") from error
        if found.get("status") != 200:
            return None
        types: TypeData = found["results"]["BicepSchemaResult"]
        return types

    def _call(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        self._next += 1
        self._send({"jsonrpc": "2.0", "id": self._next, "method": method, "params": params})
        while True:
            try:
                received = self._lines.get(timeout=TIMEOUT_S)
            except queue.Empty:
                raise TypeDataUnavailable(f"azmcp did not answer within {TIMEOUT_S:g} s") from None
            if not received:
                raise TypeDataUnavailable("azmcp ended by itself")
            try:
                answer: dict[str, Any] = json.loads(received)
            except ValueError:
                continue
            if answer.get("id") == self._next:
                return answer

    def _send(self, message: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(message) + "\n")
            self._process.stdin.flush()
        except OSError as error:
            raise TypeDataUnavailable(f"azmcp ended: {error}") from error


@contextmanager
def running() -> Iterator[Server]:
    """A server for as long as the block lasts. Raises TypeDataUnavailable."""
    environment = {
        **os.environ,
        "AZURE_MCP_COLLECT_TELEMETRY": "false",
        "DOTNET_SYSTEM_GLOBALIZATION_INVARIANT": "1",
    }
    process = subprocess.Popen(
        [str(program()), "server", "start", "--mode", "all", "--namespace", "bicepschema"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment,
        text=True,
        start_new_session=True,
    )
    try:
        server = Server(process)
        server.introduce()
        yield server
    finally:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(timeout=10)
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                stream.close()
