"""`python -m bench.pubsub`: rounds over the three brokers in turn, and a table of medians with ratios to redis."""

import argparse
import asyncio
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from statistics import median

import httpx

from bench.machine import cpu_seconds, describe, spread
from bench.pubsub import publish
from bench.pubsub.brokers import Broker, event_grid, in_memory, redis, subscriber
from tests.support.daprd import Daprd, start
from tests.support.waiting import until_sync

BACKLOG, BULK, SINGLE = 20_000, 20_000, 6_000
LATENCY_RATE, LATENCY_S = 100.0, 10.0
SLOW_EVENTS, SLOW_HANDLER_S, SLOW_LANES = 1_500, 0.3, 32
DEADLINE_S = 120.0
GOALS = {"backlog events/s": 0.8, "bulk publish events/s": 0.8, "single publish events/s": 0.3}
OURS, REDIS = "pubsub.azure.eventgrid", "pubsub.redis"

Figures = dict[str, dict[str, list[float]]]


@contextmanager
def sidecar(broker: Broker, app_port: int | None = None) -> Iterator[Daprd]:
    with start(
        "bench", broker.resources, app_port=app_port, env=broker.env, args=("--log-level", "error")
    ) as daprd:
        yield daprd


def measure(make: Callable[[], AbstractContextManager[Broker]], figures: Figures) -> None:
    """One round with a fresh broker."""
    with make() as broker:
        noted = figures[broker.name]
        with sidecar(broker) as daprd:
            if broker.keeps_backlog:
                _publish(
                    noted, broker, daprd, "bulk publish", BULK, lambda: publish.in_bulk(daprd.url, BULK, 16)
                )
        if broker.keeps_backlog:
            _drain(noted, broker)
    with make() as broker:
        noted = figures[broker.name]
        with subscriber(broker.lanes) as (port, _), sidecar(broker, port) as daprd:
            _subscribed(daprd, broker.lanes)
            count = asyncio.run(publish.at_rate(daprd.url, LATENCY_RATE, LATENCY_S))
            seen = _all_seen(port, count)
            noted["latency p50 ms"].append(seen["p50_ms"])
            noted["latency p95 ms"].append(seen["p95_ms"])
    with make() as broker, sidecar(broker) as daprd:
        noted = figures[broker.name]
        _publish(
            noted, broker, daprd, "single publish", SINGLE, lambda: publish.singly(daprd.url, SINGLE, 64)
        )


def slow_handler(figures: Figures) -> None:
    """A handler of 300 ms on 32 lanes of our component."""
    with event_grid(SLOW_LANES) as broker:
        with sidecar(broker) as daprd:
            asyncio.run(publish.in_bulk(daprd.url, SLOW_EVENTS, 4))
        with subscriber(SLOW_LANES, SLOW_HANDLER_S) as (port, _), sidecar(broker, port):
            seen = _all_seen(port, SLOW_EVENTS)
            figures[broker.name]["300 ms handler events/s"].append(
                SLOW_EVENTS / (seen["last"] - seen["first"])
            )


def _publish(noted, broker, daprd, what, count, work) -> None:  # type: ignore[no-untyped-def]
    pids = {**broker.pids, "daprd": daprd.process.pid}
    before = {part: cpu_seconds(pid) for part, pid in pids.items()}
    took = asyncio.run(work())
    noted[f"{what} events/s"].append(count / took)
    for part, pid in pids.items():
        noted[f"{what} CPU µs/event, {part}"].append((cpu_seconds(pid) - before[part]) / count * 1e6)


def _drain(noted: dict[str, list[float]], broker: Broker) -> None:
    with subscriber(broker.lanes) as (port, app):
        before = {part: cpu_seconds(pid) for part, pid in broker.pids.items()} | {"app": cpu_seconds(app)}
        with sidecar(broker, port) as daprd:
            seen = _all_seen(port, BACKLOG)
            noted["backlog events/s"].append(BACKLOG / (seen["last"] - seen["first"]))
            for part, pid in {**broker.pids, "app": app, "daprd": daprd.process.pid}.items():
                spent = cpu_seconds(pid) - before.get(part, 0.0)
                noted[f"backlog CPU µs/event, {part}"].append(spent / BACKLOG * 1e6)


def _subscribed(daprd: Daprd, lanes: int) -> None:
    def all_lanes() -> bool:
        return len(httpx.get(f"{daprd.url}/v1.0/metadata").json().get("subscriptions") or []) >= lanes

    until_sync(all_lanes, 30, "subscriptions")


def _all_seen(port: int, count: int) -> dict[str, float]:
    def seen() -> dict[str, float] | None:
        answer: dict[str, float] = httpx.get(f"http://127.0.0.1:{port}/seen", timeout=10).json()
        return answer if answer["count"] >= count else None

    found = until_sync(seen, DEADLINE_S, f"{count} events")
    assert found is not None
    return found


def report(figures: Figures, rounds: int) -> str:
    """Markdown."""
    names = list(figures)
    rows = list(dict.fromkeys(row for noted in figures.values() for row in noted))
    lines = [
        f"Machine: {describe()}. {rounds} rounds in turn, events of 1 kB; median (least–most).",
        "",
        f"| | {' | '.join(names)} | ratio to {REDIS} | goal |",
        f"|---|{'---|' * (len(names) + 2)}",
    ]
    for row in rows:
        cells = [
            spread(figures[name].get(row, []), 1 if "ms" in row and "events" not in row else 0)
            for name in names
        ]
        ratio, goal = "", ""
        if row in GOALS:
            reached = median(figures[OURS][row]) / median(figures[REDIS][row])
            ratio, goal = f"{reached:.2f}", f"{GOALS[row]} {'reached' if reached >= GOALS[row] else 'missed'}"
        elif row == "latency p95 ms":
            goal = f"under 20 {'reached' if median(figures[OURS][row]) < 20 else 'missed'}"
        elif row == "300 ms handler events/s":
            goal = f"95 {'reached' if median(figures[OURS][row]) >= 95 else 'missed'}"
        lines.append(f"| {row} | {' | '.join(cells)} | {ratio} | {goal} |")
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.pubsub", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--write", type=Path, help="also write the table to this file")
    arguments = parser.parse_args()
    figures: Figures = defaultdict(lambda: defaultdict(list))
    for number in range(arguments.rounds):
        for make in (event_grid, redis, in_memory):
            print(f"round {number + 1} of {arguments.rounds}: {make.__name__}", file=sys.stderr, flush=True)
            measure(make, figures)
        slow_handler(figures)
    text = report(figures, arguments.rounds)
    print(text)
    if arguments.write:
        arguments.write.write_text(text + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
