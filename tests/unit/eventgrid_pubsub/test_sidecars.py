"""Init, and who is who: instances, sidecars on one socket, connections."""

import asyncio
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from components.eventgrid_pubsub.app import Component, Settings
from components.eventgrid_pubsub.proto import eventgrid_pubsub_contract_pb2 as pb
from components.eventgrid_pubsub.sockets import SOCKET_NAME
from tests.support.fake_event_grid import KEY, FakeEventGrid, event, running
from tests.support.pubsub_client import Client, connected
from tests.support.waiting import until


async def code_of(awaitable: object) -> tuple[grpc.StatusCode, str]:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await awaitable  # type: ignore[misc]
    return caught.value.code(), str(caught.value.details())


async def test_reflection_names_the_service_as_daprd_looks_for_it(socket: Path) -> None:
    async with grpc.aio.insecure_channel(f"unix:{socket}") as channel:
        call = reflection_pb2_grpc.ServerReflectionStub(channel).ServerReflectionInfo()
        await call.write(reflection_pb2.ServerReflectionRequest(list_services=""))
        answer = await call.read()
        call.cancel()
    names = {service.name for service in answer.list_services_response.service}
    assert "dapr.proto.components.v1.PubSub" in names


@pytest.mark.parametrize("service", ["", "dapr.proto.components.v1.PubSub"])
async def test_health(socket: Path, service: str) -> None:
    async with grpc.aio.insecure_channel(f"unix:{socket}") as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        answer = await stub.Check(health_pb2.HealthCheckRequest(service=service), timeout=5)
    assert answer.status == health_pb2.HealthCheckResponse.SERVING


async def test_features_and_ping(bare: Client) -> None:
    answer = await bare.call("Features", pb.FeaturesRequest())
    assert set(answer.features) == {"BULK_PUBSUB", "BULK_SUBSCRIBE_IMMEDIATE"}
    await bare.call("Ping", pb.PingRequest())


async def test_bad_metadata_fails_init_and_says_why(bare: Client) -> None:
    code, details = await code_of(bare.init(endpoint="http://example.org", maxEvents="1000", colour="red"))
    assert code is grpc.StatusCode.INVALID_ARGUMENT
    assert "endpoint: 'http://example.org' given, allowed is https" in details
    assert "maxEvents: '1000' given, allowed is a whole number from 1 to 100" in details
    assert "colour: unknown field" in details


async def test_nothing_works_before_init(bare: Client) -> None:
    for call in (bare.publish("orders", event()), bare.bulk_publish("orders", {"1": event()}), bare.pause()):
        code, details = await code_of(call)
        assert code is grpc.StatusCode.FAILED_PRECONDITION
        assert "'image-events' is not initialised" in details
    stream = await bare.subscribe("orders")
    code, _ = await code_of(stream.next())
    assert code is grpc.StatusCode.FAILED_PRECONDITION


async def test_a_stream_must_begin_with_a_topic(client: Client) -> None:
    for name in ("", "#1"):
        stream = await client.subscribe(name)
        code, details = await code_of(stream.next())
        assert code is grpc.StatusCode.INVALID_ARGUMENT
        assert "must name a topic" in details


async def test_a_stream_needs_a_consumer(bare: Client, grid: FakeEventGrid) -> None:
    await bare.init(endpoint=grid.endpoint, accessKey=KEY)
    code, details = await code_of((await bare.subscribe("orders")).next())
    assert code is grpc.StatusCode.INVALID_ARGUMENT
    assert "consumerID: missing" in details


async def test_instances_have_settings_of_their_own(socket: Path, grid: FakeEventGrid) -> None:
    async with (
        running(FakeEventGrid()) as second,
        connected(socket, "one") as one,
        connected(socket, "two") as two,
    ):
        await one.init(endpoint=grid.endpoint, accessKey=KEY, consumerID="app")
        await two.init(endpoint=second.endpoint, accessKey=KEY, consumerID="app")
        await one.publish("orders", event(1))
        await two.publish("orders", event(2))
        assert (await (await one.subscribe("orders")).next()).event == event(1)
        assert (await (await two.subscribe("orders")).next()).event == event(2)


async def test_sidecars_with_components_of_one_name_are_told_apart(socket: Path, grid: FakeEventGrid) -> None:
    grid.subscriptions["orders"] = ["first", "second"]
    async with connected(socket) as one, connected(socket) as two:
        await one.init(endpoint=grid.endpoint, accessKey=KEY, consumerID="first")
        await two.init(endpoint=grid.endpoint, accessKey=KEY, consumerID="second")
        streams = [await one.subscribe("orders"), await two.subscribe("orders")]
        grid.put("orders", event(1))
        for stream in streams:
            await stream.ack(await stream.next())
        await until(lambda: grid.left("orders", "first") == grid.left("orders", "second") == 0)
        await one.pause()
        grid.put("orders", event(2))
        assert (await streams[1].next()).event == event(2)
        with pytest.raises(TimeoutError):
            await streams[0].next(0.3)


async def test_another_sidecar_disturbs_nobody(client: Client, socket: Path, grid: FakeEventGrid) -> None:
    stream = await client.subscribe("orders")
    async with connected(socket) as other:
        await other.init(endpoint=grid.endpoint, accessKey=KEY, consumerID="app")
        grid.put("orders", event(1))
        await stream.ack(await stream.next())
    await until(lambda: grid.left() == 0)
    grid.put("orders", event(2))
    await stream.ack(await stream.next())


async def test_replicas_compete(socket: Path, grid: FakeEventGrid) -> None:
    async with connected(socket) as one, connected(socket) as two:
        for client in (one, two):
            await client.init(endpoint=grid.endpoint, accessKey=KEY, consumerID="app")
        streams = [await one.subscribe("orders"), await two.subscribe("orders")]
        grid.put("orders", event(1), event(2))
        messages = await asyncio.gather(*(stream.next() for stream in streams))
        assert {message.event["id"] for message in messages} == {"event-1", "event-2"}


async def test_init_again_on_a_connection_replaces_what_was(client: Client, grid: FakeEventGrid) -> None:
    old = await client.subscribe("orders")
    grid.put("orders", event(1))
    await old.next()
    async with running(FakeEventGrid()) as second:
        await client.init(endpoint=second.endpoint, accessKey=KEY, consumerID="app")
        with pytest.raises(EOFError):
            await old.next()
        await until(lambda: grid.locked() == 0, what="the old stream's event given back")
        second.put("orders", event(2))
        assert (await (await client.subscribe("orders")).next()).event == event(2)


async def test_hot_reload_on_a_new_connection(socket: Path, grid: FakeEventGrid) -> None:
    for generation in range(3):
        async with connected(socket) as client:
            await client.init(
                endpoint=grid.endpoint, accessKey=KEY, consumerID="app", generation=str(generation)
            )
            stream = await client.subscribe("orders")
            grid.put("orders", event(generation))
            message = await stream.next()
            assert message.event["id"] == f"event-{generation}"
            await stream.ack(message)
            await until(lambda: grid.left() == 0)


async def test_a_connection_without_init_uses_the_last_settings(
    client: Client, socket: Path, grid: FakeEventGrid
) -> None:
    async with connected(socket) as again:
        await again.publish("orders", event(1))
        assert (await (await again.subscribe("orders")).next()).event == event(1)


async def test_settings_outlive_their_connection(socket: Path, grid: FakeEventGrid) -> None:
    async with connected(socket) as client:
        await client.init(endpoint=grid.endpoint, accessKey=KEY, consumerID="app")
    async with connected(socket) as again:
        await again.publish("orders", event(1))


async def test_a_stream_whose_consumer_cannot_be_told_is_refused(socket: Path, grid: FakeEventGrid) -> None:
    grid.subscriptions["orders"] = ["first", "second"]
    async with connected(socket) as one, connected(socket) as two, connected(socket) as stranger:
        await one.init(endpoint=grid.endpoint, accessKey=KEY, consumerID="first")
        await two.init(endpoint=grid.endpoint, accessKey=KEY, consumerID="second")
        code, details = await code_of((await stranger.subscribe("orders")).next())
        assert code is grpc.StatusCode.FAILED_PRECONDITION
        assert "first, second" in details
        stream = await stranger.subscribe("orders", consumerID="second")
        grid.put("orders", event(1))
        assert (await stream.next()).event == event(1)


async def test_large_messages_pass_both_ways(client: Client, grid: FakeEventGrid) -> None:
    events = {str(number): event(number, data="x" * 900_000) for number in range(12)}
    streams = [await client.subscribe(f"orders#{number}") for number in range(12)]
    await client.bulk_publish("orders", dict(events))
    messages = await asyncio.gather(*(stream.next(20) for stream in streams))
    assert {message.event["id"] for message in messages} == {f"event-{number}" for number in range(12)}
    assert all(len(message.event["data"]) == 900_000 for message in messages)


async def test_exclusive_sockets_work_without_the_front(folder: Path, grid: FakeEventGrid) -> None:
    component = Component(Settings(folders=(folder,), http_port=0, exclusive=True, socket_mode=0o640))
    await component.start()
    try:
        assert permissions(folder / SOCKET_NAME) == 0o640
        for generation in range(2):
            async with connected(folder / SOCKET_NAME) as client:
                await client.init(
                    endpoint=grid.endpoint, accessKey=KEY, consumerID="app", generation=str(generation)
                )
                stream = await client.subscribe("orders")
                await client.publish("orders", event(generation))
                message = await stream.next()
                assert message.event["id"] == f"event-{generation}"
                await stream.ack(message)
                await until(lambda: grid.left() == 0)
    finally:
        grid.ending = True
        await component.stop(0)
    assert not names(folder)


def names(path: Path) -> list[str]:
    return [entry.name for entry in path.iterdir()]


def permissions(path: Path) -> int:
    return path.stat().st_mode & 0o777
