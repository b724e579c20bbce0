"""Publishing load, over daprd's HTTP API, from one process."""

import asyncio
import time

import aiohttp
import orjson

TOPIC = "bench"
BODY_BYTES = 1000
_FILLER = "x" * (BODY_BYTES - 40)


def _data(number: int) -> dict[str, object]:
    return {"n": number, "at": time.time(), "fill": _FILLER}


async def singly(url: str, count: int, at_once: int) -> float:
    """One event a call, ``at_once`` calls under way; seconds for all. Raises RuntimeError on a refusal."""
    numbers = iter(range(count))
    target = f"{url}/v1.0/publish/bench/{TOPIC}"

    async def worker(session: aiohttp.ClientSession) -> None:
        for number in numbers:
            async with session.post(target, data=orjson.dumps(_data(number)), headers=_JSON) as answer:
                if answer.status >= 300:
                    raise RuntimeError(f"publish: {answer.status} {await answer.text()}")

    return await _timed(worker, at_once)


async def in_bulk(url: str, count: int, at_once: int, batch: int = 100) -> float:
    """``batch`` events a call; seconds for all."""
    starts = iter(range(0, count, batch))
    target = f"{url}/v1.0/publish/bulk/bench/{TOPIC}"

    async def worker(session: aiohttp.ClientSession) -> None:
        for start in starts:
            entries = [
                {"entryId": str(n), "event": _data(n), "contentType": "application/json"}
                for n in range(start, min(start + batch, count))
            ]
            async with session.post(target, data=orjson.dumps(entries), headers=_JSON) as answer:
                if answer.status >= 300:
                    raise RuntimeError(f"bulk publish: {answer.status} {await answer.text()}")

    return await _timed(worker, at_once)


async def at_rate(url: str, per_s: float, seconds: float) -> int:
    """A steady rate; gives the number of events."""
    count = int(per_s * seconds)
    target = f"{url}/v1.0/publish/bench/{TOPIC}"
    async with aiohttp.ClientSession() as session, asyncio.TaskGroup() as tasks:
        begun = time.perf_counter()

        async def one(number: int) -> None:
            async with session.post(target, data=orjson.dumps(_data(number)), headers=_JSON) as answer:
                answer.raise_for_status()

        for number in range(count):
            await asyncio.sleep(max(0.0, begun + number / per_s - time.perf_counter()))
            tasks.create_task(one(number))
    return count


_JSON = {"Content-Type": "application/json"}


async def _timed(worker, at_once: int) -> float:  # type: ignore[no-untyped-def]
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=at_once)) as session:
        begun = time.perf_counter()
        async with asyncio.TaskGroup() as tasks:
            for _ in range(at_once):
                tasks.create_task(worker(session))
        return time.perf_counter() - begun
