"""Azurite as a child process: started, watched, started again with a backoff, stopped."""

import asyncio
import logging
import os
import signal
import socket
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from emulators.storage.errors import PortInUseError, StartError
from tools.setup import locations
from tools.setup.errors import SetupError

log = logging.getLogger("storage.azurite")

PRELOAD = Path(__file__).with_name("azurite_preload.cjs")
FIRST_WAIT_S, LONGEST_WAIT_S = 0.2, 10.0
STEADY_S = 10.0
"""A run this long was a good one: the next restart waits the least again."""
STOP_S = 3.5
PORT_WAIT_S = 4.0


def default_command() -> tuple[str, ...]:
    """The set-up's azurite-blob. Raises StartError if it was not set up."""
    try:
        return tuple(locations.azurite("blob"))
    except SetupError as error:
        raise StartError(f"{error} Or give --azurite-command or --azurite-url.") from error


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


class Azurite:
    """One azurite-blob on ``127.0.0.1:port`` with its files in ``location``; its output goes to ``log_file``."""

    def __init__(self, command: Sequence[str], port: int, location: Path, log_file: Path) -> None:
        self._command = (
            *command,
            *("--blobHost", "127.0.0.1", "--blobPort", str(port)),
            *("--location", str(location)),
            *("--blobKeepAliveTimeout", "60"),
            *("--silent", "--skipApiVersionCheck", "--disableTelemetry"),
        )
        self._port = port
        self._location = location
        self._log_file = log_file
        self._process: asyncio.subprocess.Process | None = None
        self.restarts = 0

    async def check_port(self) -> None:
        """Raises PortInUseError. Waits for an Azurite that a killed emulator left behind and that ends just now."""
        try:
            async with asyncio.timeout(PORT_WAIT_S):
                while not _is_free(self._port):
                    await asyncio.sleep(0.1)
        except TimeoutError:
            raise PortInUseError(self._port, "Azurite", "--azurite-port") from None

    async def run(self) -> None:
        """Keep it running until cancelled; then stop it."""
        self._location.mkdir(parents=True, exist_ok=True)
        loop = asyncio.get_running_loop()
        wait_s = FIRST_WAIT_S
        while True:
            started = loop.time()
            try:
                await self._run_once()
            except OSError as error:
                log.error("azurite cannot be started: %s", error)  # noqa: TRY400 - the trace says nothing more
            if loop.time() - started > STEADY_S:
                wait_s = FIRST_WAIT_S
            log.warning("azurite is started again in %.1f s; its last words: %s", wait_s, self._last_words())
            await asyncio.sleep(wait_s)
            wait_s = min(wait_s * 2, LONGEST_WAIT_S)
            self.restarts += 1

    async def _run_once(self) -> None:
        # The pipe on its standard input closes when this process ends, however it ends: the preload stops Azurite then.
        options = f"{os.environ.get('NODE_OPTIONS', '')} --require {PRELOAD}".strip()
        with self._log_file.open("ab") as output:
            self._process = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.PIPE,
                stdout=output,
                stderr=output,
                start_new_session=True,
                env={**os.environ, "NODE_OPTIONS": options},
            )
        log.info("azurite started: pid %d, port %d", self._process.pid, self._port)
        try:
            code = await self._process.wait()
            log.warning("azurite ended with %d", code)
        finally:
            await self._stop()

    async def _stop(self) -> None:
        process = self._process
        if process is None or process.returncode is not None:
            return
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        try:
            async with asyncio.timeout(STOP_S):
                await process.wait()
        except TimeoutError:
            log.warning("azurite does not stop, it is killed")
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()

    def _last_words(self) -> str:
        try:
            with self._log_file.open("rb") as file:
                file.seek(max(0, self._log_file.stat().st_size - 600))
                return " | ".join(file.read().decode(errors="replace").split("\n")[-5:]).strip(" |")
        except OSError:
            return ""
