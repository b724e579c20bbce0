"""Starts the programs in order, starts again what dies, stops them all."""

import asyncio
import contextlib
import ctypes
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import httpx

from tools.stack.components import ComponentFiles
from tools.stack.errors import NeverReady
from tools.stack.machine import ProcessFile, end_group, require_free
from tools.stack.programs import Program, emulators_and_component, environment, services
from tools.stack.settings import ROOT, StackSettings

FIRST_BACKOFF_S = 0.5
LONGEST_BACKOFF_S = 30.0
# A program that ran this long was well: its next death begins a new count.
WELL_AFTER_S = 30.0
DEATHS_TO_NAME = 3
POLL_S = 0.1
LOG_TAIL_LINES = 15
PR_SET_PDEATHSIG = 1

SERVICES = {"ingest", "classifier", "query"}

Say = Callable[[str], None]


class Supervisor:
    """One stack. ``say`` gets the lines that a person should read."""

    def __init__(self, settings: StackSettings, say: Say = print) -> None:
        self.settings = settings
        self._say = say
        self._components = ComponentFiles(settings)
        self._file = ProcessFile(settings.run / "processes.json")
        self._groups: dict[str, int] = {}
        self._ready: dict[str, asyncio.Event] = {}
        self._watchers: dict[str, asyncio.Task[None]] = {}
        self._http = httpx.AsyncClient(timeout=2.0)
        self._sockets = ""

    async def start(self) -> None:
        """Start everything and return when all of it is ready.

        Raises StackError (with everything stopped again) if a port is taken, another stack runs on the same data,
        or a program is not ready in time.
        """
        self._file.claim()
        try:
            require_free(self.settings.ports)
            self.settings.logs.mkdir(parents=True, exist_ok=True)
            # A Unix socket's path may be 107 bytes long: the data folder's can be longer.
            self._sockets = tempfile.mkdtemp(prefix="claimlens-")
            self._components.render()
            programs = [
                *emulators_and_component(self.settings, self._sockets),
                *services(self.settings, self._sockets),
            ]
            self._ready = {program.name: asyncio.Event() for program in programs}
            self._watchers = {program.name: asyncio.create_task(self._keep(program)) for program in programs}
            await self._all_ready()
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """End every process that was started, the services first, and only those."""
        # The services first: what they stand on answers until they have put down their work.
        for names in (SERVICES, self._watchers.keys() - SERVICES):
            ending = [watcher for name, watcher in self._watchers.items() if name in names]
            for watcher in ending:
                watcher.cancel()
            await asyncio.gather(*ending, return_exceptions=True)
        await self._http.aclose()
        if self._sockets:
            shutil.rmtree(self._sockets, ignore_errors=True)
        self._file.release()

    def group(self, name: str) -> int:
        """The process group of a running program. Raises KeyError while it is down."""
        return self._groups[name]

    async def _all_ready(self) -> None:
        waiting = asyncio.create_task(self._wait_for_every_one())
        # A watcher never returns: one that is done has raised.
        finished, _ = await asyncio.wait(
            {waiting, *self._watchers.values()},
            timeout=self.settings.ready_timeout_s,
            return_when=asyncio.FIRST_COMPLETED,
        )
        waiting.cancel()
        for task in finished:
            task.result()
        if finished:
            return
        late = [name for name, event in self._ready.items() if not event.is_set()]
        tails = "\n".join(f"--- {name}: last lines of {self._log(name)}\n{self._tail(name)}" for name in late)
        raise NeverReady(f"Not ready within {self.settings.ready_timeout_s:g} s: {', '.join(late)}\n{tails}")

    async def _wait_for_every_one(self) -> None:
        for event in self._ready.values():
            await event.wait()

    async def _keep(self, program: Program) -> None:
        """Run the program for as long as the stack runs."""
        for name in program.after:
            await self._ready[name].wait()
        backoff, deaths = FIRST_BACKOFF_S, 0
        while True:
            started = time.monotonic()
            process = await self._spawn(program)
            code = await self._run(program, process, again=deaths > 0)
            if time.monotonic() - started > WELL_AFTER_S:
                backoff, deaths = FIRST_BACKOFF_S, 0
            deaths += 1
            self._say(f"{program.name} ended ({_how(code)}); starting it again in {backoff:g} s")
            if deaths >= DEATHS_TO_NAME:
                log = self._log(program.name)
                self._say(f"{program.name} keeps ending. Last lines of {log}:\n{self._tail(program.name)}")
            await asyncio.sleep(backoff)
            backoff = min(backoff * 2, LONGEST_BACKOFF_S)

    async def _run(self, program: Program, process: asyncio.subprocess.Process, *, again: bool) -> int:
        """Until the process ends; give its exit code. Its whole group is gone then."""
        started = time.monotonic()
        group = process.pid
        self._groups[program.name] = group
        self._file.note(program.name, group)
        ready = asyncio.create_task(self._announce(program, started, again=again))
        try:
            return await process.wait()
        finally:
            ready.cancel()
            # The leader is gone; what it started (a sidecar, an app) must not outlive it.
            await asyncio.to_thread(end_group, group)
            self._groups.pop(program.name, None)

    async def _announce(self, program: Program, started: float, *, again: bool) -> None:
        while not await self._answers(program.ready):
            await asyncio.sleep(POLL_S)
        if again and program.reopens_streams:
            self._components.reopen_streams()
        took = time.monotonic() - started
        verb = "is back" if again else "ready"
        self._say(f"  {program.name:<12} {verb} after {took:.1f} s")
        self._ready[program.name].set()

    async def _answers(self, url: str) -> bool:
        try:
            return (await self._http.get(url)).status_code == httpx.codes.OK
        except httpx.HTTPError:
            return False

    async def _spawn(self, program: Program) -> asyncio.subprocess.Process:
        with self._log(program.name).open("ab") as log:
            return await asyncio.create_subprocess_exec(
                *program.argv,
                cwd=ROOT,
                env=environment(program),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=_die_with_parent,
            )

    def _log(self, name: str) -> Path:
        return self.settings.logs / f"{name}.log"

    def _tail(self, name: str) -> str:
        with contextlib.suppress(OSError):
            lines = self._log(name).read_text(errors="replace").splitlines()
            # daprd tells much; what went wrong is not among what it says at level info.
            lines = [line for line in lines if line.strip() and "level=info" not in line]
            return "\n".join(f"    {line}" for line in lines[-LOG_TAIL_LINES:])
        return "    (no log)"


def _how(code: int) -> str:
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"


def _die_with_parent() -> None:
    """Linux: if the supervisor is killed, its programs get SIGTERM instead of running on alone."""
    if os.uname().sysname == "Linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
