"""Where the rules come from: a set that ships with the service, or a file that is watched."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final

import structlog

from services.classifier.labels.errors import BadRules
from services.classifier.labels.reading import MAX_BYTES, RuleSet, read_rules
from services.classifier.metrics import ClassifierMetrics
from services.platform.health import Degraded

log = structlog.get_logger()

WATCH_INTERVAL_S: Final = 1.0

_SETS: Final = Path(__file__).with_name("sets")
_SET_NAME: Final = re.compile(r"[a-z0-9-]+")

Fingerprint = tuple[int, int, int]
"""Modification time in ns, size, inode: what changes when a file is written, replaced, or its link is turned."""


def set_names() -> list[str]:
    """The sets that ship with the service."""
    return sorted(file.stem for file in _SETS.glob("*.yaml"))


def find_rules(chosen: str) -> Path:
    """The file of a set that ships with the service, or ``chosen`` as a path. Raises BadRules if it is neither."""
    if chosen in set_names():
        return _SETS / f"{chosen}.yaml"
    path = Path(chosen).expanduser()
    if _SET_NAME.fullmatch(chosen) and not path.exists():
        raise BadRules(
            "label rules",
            [f"there is no set {chosen!r}, only {', '.join(set_names())}; nor a file of that name"],
        )
    return path


class RuleSource:
    """The rules in force. A version of the file that is at fault, or gone, leaves the one before it in force; log,
    metric and readiness say so until the file is right again.
    """

    def __init__(self, chosen: str, metrics: ClassifierMetrics) -> None:
        """Reads the file. Raises BadRules: there are no rules before it to go on with."""
        self._path = find_rules(chosen)
        self._metrics = metrics
        self._seen: Fingerprint | None = None
        self._fault: str | None = None
        found = self._read()
        assert found is not None
        self._current = found
        metrics.label_rules_current.set(1)

    def current(self) -> RuleSet:
        return self._current

    async def check(self) -> None:
        """Raises Degraded while the file is not what is in force."""
        if self._fault:
            raise Degraded(f"still {self._current.version}; {self._fault}")

    @asynccontextmanager
    async def watched(self, interval_s: float = WATCH_INTERVAL_S) -> AsyncIterator[None]:
        """Look for a new version every ``interval_s`` while the body runs."""
        task = asyncio.create_task(self._watch(interval_s))
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def _watch(self, interval_s: float) -> None:
        while True:
            await asyncio.sleep(interval_s)
            await self.refresh()

    async def refresh(self) -> None:
        """Take the file's present version, if it is a new one. Never raises."""
        try:
            found = await asyncio.to_thread(self._read)
        except BadRules as error:
            self._at_fault(str(error))
            return
        except Exception as error:
            # The watch must outlive what nobody foresaw.
            log.exception("label rules not looked at")
            self._at_fault(f"{self._path}: {error}")
            return
        if found is None:
            return
        if self._fault is not None or found.version != self._current.version:
            log.info("label rules loaded", version=found.version, before=self._current.version)
            self._metrics.label_rules_loads.labels("loaded").inc()
        self._fault = None
        self._current = found
        self._metrics.label_rules_current.set(1)

    def _at_fault(self, fault: str) -> None:
        if fault == self._fault:
            return
        self._fault = fault
        self._metrics.label_rules_loads.labels("refused").inc()
        self._metrics.label_rules_current.set(0)
        log.error("label rules refused", in_force=self._current.version, faults=fault.splitlines())

    def _read(self) -> RuleSet | None:
        """None if the file is as it was when it was last read. Raises BadRules."""
        try:
            # Before the content: what is written in between is found at the next look.
            status = self._path.stat()
            fingerprint = (status.st_mtime_ns, status.st_size, status.st_ino)
            if fingerprint == self._seen:
                return None
            with self._path.open("rb") as file:
                content = file.read(MAX_BYTES + 1)
        except OSError as error:
            self._seen = None
            raise BadRules(str(self._path), [f"cannot be read: {error.strerror or error}"]) from error
        self._seen = fingerprint
        return read_rules(content, name=self._path.stem, where=str(self._path))
