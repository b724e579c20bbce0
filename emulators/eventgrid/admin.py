"""``/healthz`` and ``/_emulator/…``: for the people and tests around the emulator, no part of the vendor's protocol.

| request | answer |
|---|---|
| ``GET /healthz`` | ``{"status": "ok"}`` |
| ``GET /_emulator/stats`` | a subscription's queue and counters, calls by operation and status, CPU seconds |
| ``GET``, ``POST``, ``DELETE /_emulator/faults`` | see, add, forget faults (``faults.Fault``) |
| ``GET /_emulator/topics/{t}/subscriptions/{s}/deadletters?limit=100`` | dead letters with nowhere to go |
| ``POST /_emulator/clock {"advance_s": 61}`` | let time pass at once: locks end, delays and waits too |
"""

import re
import time
from collections import Counter
from dataclasses import asdict
from typing import Any
from urllib.parse import parse_qs

import orjson

from emulators.eventgrid.clock import Clock, SystemClock
from emulators.eventgrid.errors import BadRequest, MethodNotAllowed, NotFound
from emulators.eventgrid.faults import Faults
from emulators.eventgrid.namespace import Namespace
from emulators.eventgrid.subscription import Subscription

_DEAD_LETTERS = re.compile(r"/_emulator/topics/([^/]+)/subscriptions/([^/]+)/deadletters")


class AdminPlane:
    """Answers JSON bytes, or raises a WireError."""

    def __init__(self, namespace: Namespace, faults: Faults, clock: Clock) -> None:
        self._namespace = namespace
        self._faults = faults
        self._clock = clock
        self._started = time.monotonic()

    async def __call__(self, scope: Any, body: bytes, calls: Counter[str]) -> bytes:
        path, method = scope["path"], scope["method"]
        match method, path:
            case "GET", "/healthz":
                return b'{"status":"ok"}'
            case "GET", "/_emulator/stats":
                return orjson.dumps(self._stats(calls))
            case "GET", "/_emulator/faults":
                return orjson.dumps(self._faults.describe())
            case "POST", "/_emulator/faults":
                self._faults.add(_json(body))
                return orjson.dumps(self._faults.describe())
            case "DELETE", "/_emulator/faults":
                self._faults.clear()
                return orjson.dumps(self._faults.describe())
            case "POST", "/_emulator/clock":
                return self._advance(_json(body))
        if match := _DEAD_LETTERS.fullmatch(path):
            if method != "GET":
                raise MethodNotAllowed("Dead letters can only be read.")
            return await self._dead_letters(match[1], match[2], scope["query_string"])
        raise NotFound(f"There is no {method} {path}.")

    def _stats(self, calls: Counter[str]) -> dict[str, Any]:
        now = self._clock.now()
        return {
            "uptime_s": round(time.monotonic() - self._started, 3),
            "cpu_s": round(time.process_time(), 3),
            "stored_bytes": self._namespace.journal.stored_bytes,
            "commits": self._namespace.journal.commits,
            "calls": dict(calls),
            "topics": {
                topic.name: {
                    "published": topic.published,
                    "subscriptions": {
                        name: self._queue(subscription, now)
                        for name, subscription in topic.subscriptions.items()
                    },
                }
                for topic in self._namespace.topics.values()
            },
        }

    def _queue(self, subscription: Subscription, now: float) -> dict[str, Any]:
        oldest = min((d.event.segment.published for d in subscription.ready), default=now)
        return {
            "available": len(subscription.ready),
            "locked": len(subscription.locked),
            "delayed": len(subscription.delayed),
            "waiting_receivers": self._namespace.waiting(subscription),
            "oldest_available_s": round(now - oldest, 3),
            **asdict(subscription.counters),
        }

    async def _dead_letters(self, topic: str, name: str, query_string: bytes) -> bytes:
        subscription = self._namespace.subscription(topic, name)
        limit = parse_qs(query_string.decode("latin-1")).get("limit", ["100"])[-1]
        if not (limit.isascii() and limit.isdigit()):
            raise BadRequest("limit must be a whole number.")
        bodies = await self._namespace.journal.read(lambda store: store.dead_letters(topic, name, int(limit)))
        target = orjson.dumps(subscription.settings.dead_letter)
        return b'{"dead_letter_topic":%b,"value":[%b]}' % (target, b",".join(bodies))

    def _advance(self, document: Any) -> bytes:
        seconds = document.get("advance_s") if isinstance(document, dict) else None
        if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or seconds < 0:
            raise BadRequest("advance_s must be a number of seconds, not below 0.")
        if not isinstance(self._clock, SystemClock):
            raise BadRequest("This clock can't be moved from here.")
        self._clock.advance(seconds)
        self._namespace.tick()
        return orjson.dumps({"now": self._clock.now()})


def _json(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise BadRequest(f"The body is not valid JSON: {error}.") from error
