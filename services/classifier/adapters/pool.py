"""Several accounts of one engine as one engine: calls go where they can start soonest, and spill over from trouble."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import structlog

from services.classifier.errors import (
    AnalyzerBusy,
    AnalyzerRefused,
    AnalyzerUnavailable,
    ImageRejected,
    PictureUnreadable,
)
from services.classifier.gates import Gate, Signal
from services.classifier.ports import ImageAnalyzer, Picture
from services.contracts.records import Analysis

log = structlog.get_logger()

# For a 429 that does not say how long.
PAUSE_S: Final = 1.0


@dataclass(frozen=True)
class Account:
    """``name`` is for logs: an endpoint's host."""

    name: str
    analyzer: ImageAnalyzer
    gate: Gate


class AnalyzerPool:
    """One account suffices. ``max_wait_s`` bounds how long a picture is queued, over all its calls."""

    def __init__(
        self,
        accounts: Sequence[Account],
        *,
        max_wait_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if not accounts:
            raise ValueError("an engine needs an account")
        self.engine = accounts[0].analyzer.engine
        self._accounts = accounts
        self._max_wait_s = max_wait_s
        self._clock = clock
        self._changed = Signal()
        for account in accounts:
            account.gate.on_change = self._changed.fire

    async def check(self) -> None:
        """Raises AnalyzerRefused if every account refuses."""
        refusals: list[AnalyzerRefused] = []
        for account in self._accounts:
            try:
                await account.analyzer.check()
            except AnalyzerRefused as error:
                refusals.append(error)
        if len(refusals) == len(self._accounts):
            raise refusals[0]

    async def analyze(self, picture: Picture) -> Analysis:
        deadline = self._clock() + self._max_wait_s
        untried = list(self._accounts)
        while True:
            account = await self._turn(untried, deadline)
            try:
                analysis = await account.analyzer.analyze(picture)
            except (ImageRejected, PictureUnreadable):
                account.gate.succeeded()
                raise
            except AnalyzerBusy as error:
                # Not tried out: it is there, and its turn comes again.
                log.warning("account asks for fewer calls", account=account.name, why=error.detail)
                account.gate.paused(PAUSE_S if error.retry_after_s is None else error.retry_after_s)
            except AnalyzerUnavailable as error:
                account.gate.failed(for_certain=isinstance(error, AnalyzerRefused))
                untried.remove(account)
                log.warning("account failed", account=account.name, why=error.detail, others=len(untried))
                if not untried:
                    raise
            else:
                account.gate.succeeded()
                return analysis

    async def _turn(self, accounts: Sequence[Account], deadline: float) -> Account:
        """Wait for a start; the account that gives it soonest, the earlier in the list if equal."""
        while True:
            account = min(accounts, key=lambda each: each.gate.start_at())
            start = account.gate.start_at()
            now = self._clock()
            if start > deadline:
                if now >= deadline:
                    raise AnalyzerBusy(
                        f"no account of {self.engine} takes a call within {self._max_wait_s:g} s",
                        retry_after_s=math.ceil(start - now),
                    )
                # An account that recovers changes this.
                await self._changed.wait(deadline - now)
                continue
            version = account.gate.version
            start = account.gate.reserve()
            while account.gate.version == version and self._clock() < start:
                await account.gate.changed.wait(start - self._clock())
            if account.gate.version == version:
                return account
