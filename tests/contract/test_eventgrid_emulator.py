"""The Event Grid emulator as a process, driven by the vendor's unmodified client; and what only a process can show:
restarts, SIGKILL in the middle of publishing, exit codes."""

import asyncio
import base64
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import orjson
import pytest
from azure.core.credentials import AccessToken, AzureKeyCredential
from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    HttpResponseError,
    ResourceNotFoundError,
)
from azure.core.messaging import CloudEvent
from azure.eventgrid.aio import EventGridConsumerClient, EventGridPublisherClient

from tests.support.eventgrid_process import LOCAL_CONFIG, ROOT, EventGridProcess, eventgrid, write_config
from tests.support.waiting import until

TOPICS: dict[str, dict[str, dict[str, Any]]] = {
    "orders": {
        "worker": {"lock_duration": "60s", "max_delivery_count": 2, "dead_letter": "dead-orders"},
        "steady": {},
        "audit": {},
    },
    "dead-orders": {"undertaker": {}},
}

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EventGridProcess]:
    """One emulator for the tests that leave nothing behind, or nothing that hurts."""
    with eventgrid(tmp_path_factory.mktemp("eventgrid"), TOPICS) as process:
        yield process


@pytest.fixture
def grid(tmp_path: Path) -> Iterator[EventGridProcess]:
    """An emulator of this test's own."""
    with eventgrid(tmp_path, TOPICS) as process:
        yield process


@asynccontextmanager
async def clients(
    grid: EventGridProcess,
    topic: str = "orders",
    subscription: str = "worker",
    credential: Any = None,
    **options: Any,
) -> AsyncIterator[tuple[EventGridPublisherClient, EventGridConsumerClient]]:
    credential = credential or AzureKeyCredential(grid.key)
    async with AsyncExitStack() as stack:
        publisher = EventGridPublisherClient(grid.url, credential, namespace_topic=topic, **options)
        consumer = EventGridConsumerClient(
            grid.url, credential, namespace_topic=topic, subscription=subscription, **options
        )
        yield await stack.enter_async_context(publisher), await stack.enter_async_context(consumer)


def order(number: int, **attributes: Any) -> CloudEvent[Any]:
    return CloudEvent("/tests", "order.placed", data={"number": number}, **attributes)


def extensions(event: Any) -> dict[str, Any]:
    """The client types received events as its model; they are azure-core's, which has extensions."""
    found: dict[str, Any] = event.extensions or {}
    return found


def tokens(received: list[Any]) -> list[str]:
    return [detail.broker_properties.lock_token for detail in received]


async def answers(grid: EventGridProcess) -> bool:
    async with httpx.AsyncClient() as client:
        return (await client.get(f"{grid.url}/healthz")).is_success


async def drain(consumer: EventGridConsumerClient, expected: int) -> list[Any]:
    """Receive and acknowledge until ``expected`` events came."""
    seen: list[Any] = []
    while len(seen) < expected:
        received = await consumer.receive(max_events=100, max_wait_time=10)
        assert received, f"only {len(seen)} of {expected} events came"
        await consumer.acknowledge(lock_tokens=tokens(received))
        seen += received
    return seen


async def test_the_clients_whole_life_of_an_event(grid: EventGridProcess) -> None:
    async with clients(grid) as (publisher, consumer):
        await publisher.send(order(1, subject="s", extensions={"traceparent": "00-1-2-01"}))
        await publisher.send([order(2), CloudEvent("/tests", "bytes", data=b"\x00\xff")])
        received = await consumer.receive(max_events=10, max_wait_time=10)
        first, second, third = (detail.event for detail in received)
        assert (first.data, first.subject, extensions(first)) == (
            {"number": 1},
            "s",
            {"traceparent": "00-1-2-01"},
        )
        assert third.data == b"\x00\xff"
        assert [detail.broker_properties.delivery_count for detail in received] == [1, 1, 1]
        one, two, three = tokens(received)

        acknowledged = await consumer.acknowledge(lock_tokens=[one, "nonsense"])
        assert acknowledged.succeeded_lock_tokens == [one]
        assert acknowledged.failed_lock_tokens[0].lock_token == "nonsense"
        assert acknowledged.failed_lock_tokens[0].error.code == "BadToken"
        assert (await consumer.renew_locks(lock_tokens=[two])).succeeded_lock_tokens == [two]
        assert (await consumer.release(lock_tokens=[two], release_delay=10)).succeeded_lock_tokens == [two]
        assert (await consumer.reject(lock_tokens=[three])).succeeded_lock_tokens == [three]

        grid.advance(10)
        again = await consumer.receive(max_events=10, max_wait_time=10)
        assert [detail.event.id for detail in again] == [second.id]
        assert again[0].broker_properties.delivery_count == 2

    async with clients(grid, "dead-orders", "undertaker") as (_, undertaker):
        dead = await undertaker.receive(max_events=10, max_wait_time=10)
        assert [detail.event.id for detail in dead] == [third.id]
        assert dead[0].event.data == b"\x00\xff"
        properties = extensions(dead[0].event)["deadletterproperties"]
        assert properties["deadletterreason"] == "Event was rejected by the client."
        assert properties["deliveryattempts"] == 1


async def test_a_lock_that_ends(grid: EventGridProcess) -> None:
    async with clients(grid) as (publisher, consumer):
        await publisher.send(order(1))
        lost = tokens(await consumer.receive(max_wait_time=10))
        grid.advance(61)
        failed = (await consumer.acknowledge(lock_tokens=lost)).failed_lock_tokens
        assert [(token.lock_token, token.error.code) for token in failed] == [(lost[0], "TokenLost")]
        again = await consumer.receive(max_wait_time=10)
        assert again[0].broker_properties.delivery_count == 2
        grid.advance(61)
        assert grid.queue("orders", "worker")["dead_lettered"] == 1


async def test_a_long_poll_answers_as_soon_as_there_is_something(shared: EventGridProcess) -> None:
    async with clients(shared, subscription="audit") as (publisher, consumer):
        waiting = asyncio.ensure_future(consumer.receive(max_events=10, max_wait_time=120))
        await until(lambda: shared.queue("orders", "audit")["waiting_receivers"] == 1)
        started = time.monotonic()
        await publisher.send(order(1))
        assert len(await waiting) == 1
        assert time.monotonic() - started < 5


async def test_a_receiver_that_hangs_up_locks_nothing(grid: EventGridProcess) -> None:
    async with httpx.AsyncClient(headers={"Authorization": f"SharedAccessKey {grid.key}"}) as client:
        url = f"{grid.url}/topics/orders/eventsubscriptions/worker:receive?api-version=2024-06-01"
        waiting = asyncio.create_task(client.post(url))
        await until(lambda: grid.queue("orders", "worker")["waiting_receivers"] == 1)
        waiting.cancel()
        await until(lambda: grid.queue("orders", "worker")["waiting_receivers"] == 0)
    async with clients(grid) as (publisher, _):
        await publisher.send(order(1))
    assert grid.queue("orders", "worker")["locked"] == 0


async def test_both_api_versions(grid: EventGridProcess) -> None:
    async with clients(grid, api_version="2023-11-01") as (publisher, consumer):
        await publisher.send(order(1))
        received = await consumer.receive(max_wait_time=10)
        assert (await consumer.release(lock_tokens=tokens(received))).succeeded_lock_tokens
        received = await consumer.receive(max_wait_time=10)
        assert (await consumer.acknowledge(lock_tokens=tokens(received))).succeeded_lock_tokens


class Tokens:
    """A credential that gives what looks like Microsoft Entra's token."""

    def __init__(self, audience: str) -> None:
        self.audience = audience

    async def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        assert scopes == ("https://eventgrid.azure.net/.default",)
        expires = int(time.time()) + 3600
        parts: tuple[dict[str, Any], ...] = ({"alg": "RS256"}, {"aud": self.audience, "exp": expires})
        encoded = [base64.urlsafe_b64encode(orjson.dumps(part)).rstrip(b"=").decode() for part in parts]
        return AccessToken(".".join([*encoded, "c2ln"]), expires)

    async def close(self) -> None:
        pass

    async def __aenter__(self) -> "Tokens":
        return self

    async def __aexit__(self, *_: object) -> None:
        pass


async def test_a_bearer_token(shared: EventGridProcess) -> None:
    good, bad = Tokens("https://eventgrid.azure.net"), Tokens("https://vault.azure.net")
    async with clients(shared, credential=good) as (publisher, _):
        await publisher.send(order(1), enforce_https=False)
    async with clients(shared, credential=bad) as (publisher, _):
        with pytest.raises(ClientAuthenticationError, match="audience"):
            await publisher.send(order(1), enforce_https=False)


@pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")
async def test_errors_as_the_client_raises_them(shared: EventGridProcess) -> None:
    async with clients(shared, credential=AzureKeyCredential("wrong")) as (publisher, consumer):
        with pytest.raises(ClientAuthenticationError, match="access key is not valid"):
            await publisher.send(order(1))
        with pytest.raises(ClientAuthenticationError):
            await consumer.receive()
    async with clients(shared, "none", "none") as (publisher, consumer):
        with pytest.raises(ResourceNotFoundError):
            await publisher.send(order(1))
        with pytest.raises(ResourceNotFoundError, match="no topic 'none'"):
            await consumer.receive()
    async with clients(shared) as (publisher, consumer):
        with pytest.raises(HttpResponseError) as too_large:
            await publisher.send([CloudEvent("/tests", "t", data="x" * 600_000) for _ in range(2)])
        assert too_large.value.status_code == 413
        with pytest.raises(HttpResponseError, match="maxEvents must be") as too_many:
            await consumer.receive(max_events=101)
        assert too_many.value.status_code == 400
        assert too_many.value.error is not None
        assert too_many.value.error.code == "BadRequest"


async def test_the_largest_event_that_fits(shared: EventGridProcess) -> None:
    async with clients(shared, subscription="audit") as (publisher, consumer):
        await publisher.send(CloudEvent("/tests", "large", data="x" * 1_048_000))
        received = await consumer.receive(max_events=100, max_wait_time=10)
        assert max(len(detail.event.data or "") for detail in received) == 1_048_000


async def test_the_client_retries_a_fault_after_acceptance_into_a_duplicate(grid: EventGridProcess) -> None:
    grid.inject("publish", status=503, after=True, retry_after=0)
    async with clients(grid) as (publisher, consumer):
        await publisher.send(order(1, id="once"))
        received = await consumer.receive(max_events=10, max_wait_time=10)
    assert [detail.event.id for detail in received] == ["once", "once"]


async def test_an_answer_that_is_lost_after_acceptance(grid: EventGridProcess) -> None:
    grid.inject("publish", hang_up=True, after=True)
    async with clients(grid, retry_total=0) as (publisher, consumer):
        with pytest.raises(AzureError):
            await publisher.send(order(1, id="once"))
        assert len(await consumer.receive(max_events=10, max_wait_time=10)) == 1


async def test_a_restart_keeps_everything(grid: EventGridProcess) -> None:
    async with clients(grid) as (publisher, consumer):
        await publisher.send([order(number, id=str(number)) for number in range(10)])
        received = await consumer.receive(max_events=5, max_wait_time=10)
        await consumer.acknowledge(lock_tokens=tokens(received[:3]))
        write_config(grid.config, {**TOPICS, "orders": {"worker": {}, "fresh": {}}})
        grid.restart()
        left = await drain(consumer, 7)
        assert sorted(detail.event.id for detail in left) == [str(number) for number in range(3, 10)]
        counts = {detail.event.id: detail.broker_properties.delivery_count for detail in left}
        assert counts == {str(number): 2 if number in (3, 4) else 1 for number in range(3, 10)}
        await publisher.send(order(10, id="10"))
    async with clients(grid, subscription="fresh") as (_, fresh):
        assert [detail.event.id for detail in await drain(fresh, 1)] == ["10"]


async def test_sigkill_while_publishing_and_acknowledging_loses_nothing_accepted(
    grid: EventGridProcess,
) -> None:
    accepted: list[str] = []
    acknowledged: set[str] = set()
    unsure: set[str] = set()
    stop = asyncio.Event()

    async def publish(lane: int) -> None:
        async with clients(grid, retry_total=0) as (publisher, _):
            for number in range(10_000):
                if stop.is_set():
                    return
                names = [f"{lane}-{number}-{part}" for part in range(20)]
                try:
                    await publisher.send([order(0, id=name) for name in names])
                except Exception:
                    await asyncio.sleep(0.01)
                    continue
                accepted.extend(names)

    async def work() -> None:
        async with clients(grid, subscription="steady", retry_total=0) as (_, consumer):
            while not stop.is_set():
                received: list[Any] = []
                try:
                    received = await consumer.receive(max_events=50, max_wait_time=10)
                    result = await consumer.acknowledge(lock_tokens=tokens(received))
                except Exception:
                    unsure.update(detail.event.id for detail in received)
                    await until(lambda: answers(grid), 30, "the emulator is back")
                    continue
                good = set(result.succeeded_lock_tokens)
                acknowledged.update(
                    detail.event.id for detail in received if detail.broker_properties.lock_token in good
                )

    async def rest(subscription: str) -> set[str]:
        """What is left, acknowledged at last."""
        grid.advance(61)
        left: set[str] = set()
        async with clients(grid, subscription=subscription) as (_, consumer):
            while grid.queue("orders", subscription)["available"]:
                received = await consumer.receive(max_events=100, max_wait_time=10)
                await consumer.acknowledge(lock_tokens=tokens(received))
                left |= {detail.event.id for detail in received}
        return left

    tasks = [asyncio.create_task(job) for job in (publish(0), publish(1), work())]
    for _ in range(3):
        target = len(accepted) + 400
        await until(lambda target=target: len(accepted) >= target, 30, "events are published")  # type: ignore[misc]
        grid.kill()
        await asyncio.to_thread(grid.start)
    stop.set()
    await asyncio.wait_for(asyncio.gather(*tasks), 60)

    assert set(accepted) <= await rest("audit")
    left = await rest("steady")
    assert set(accepted) <= left | acknowledged | unsure
    assert not left & acknowledged, "an acknowledged event came again"


async def test_sigterm_ends_long_polls_and_the_process(grid: EventGridProcess) -> None:
    async with clients(grid, retry_total=0) as (_, consumer):
        waiting = asyncio.ensure_future(consumer.receive(max_wait_time=120))
        await until(lambda: grid.queue("orders", "worker")["waiting_receivers"] == 1)
        started = time.monotonic()
        assert await asyncio.to_thread(grid.stop) == 0
        assert time.monotonic() - started < 5
        assert await waiting == []


def _start(*arguments: object) -> SimpleNamespace:
    command = [sys.executable, "-m", "emulators.eventgrid", *map(str, arguments)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=20, check=False)
    return SimpleNamespace(code=ended.returncode, out=ended.stdout, err=ended.stderr)


def test_a_port_in_use(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = _start("--port", port, "--data", tmp_path, "--config", LOCAL_CONFIG)
    assert ended.code == 2
    assert f"port {port} on 127.0.0.1 is in use" in ended.err
    assert "Traceback" not in ended.err


def test_a_data_directory_in_use(shared: EventGridProcess) -> None:
    ended = _start("--port", 0, "--data", shared.data, "--config", LOCAL_CONFIG)
    assert ended.code == 2
    assert "is another emulator using this data directory?" in ended.err
    assert "Traceback" not in ended.err


def test_data_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "eventgrid.sqlite3").write_bytes(b"not a database" * 100)
    ended = _start("--port", 0, "--data", tmp_path, "--config", LOCAL_CONFIG)
    assert ended.code == 2
    assert "file is not a database" in ended.err
    assert "Traceback" not in ended.err


def test_a_wrong_configuration(tmp_path: Path) -> None:
    config = tmp_path / "wrong.yaml"
    config.write_text("access_key: k\ntopics: {orders: {subscriptions: {worker: {lock_duration: 60}}}}\n")
    ended = _start("--port", 0, "--data", tmp_path, "--config", config)
    assert ended.code == 2
    assert "topics.orders.subscriptions.worker.lock_duration: 60 needs a unit" in ended.err


def test_help() -> None:
    ended = _start("--help")
    assert ended.code == 0
    for option in ("--port", "--host", "--data", "--config", "--durability", "--log-level"):
        assert option in ended.out
