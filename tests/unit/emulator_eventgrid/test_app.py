"""The wire: paths, headers, queries, bodies, statuses; through the whole application, without a process."""

import asyncio
from typing import Any

import orjson
import pytest

from emulators.eventgrid.faults import Faults
from tests.support.waiting import until
from tests.unit.emulator_eventgrid.harness import Grid, contents, event, ids

PUBLISH = "/topics/orders:publish"
SUB = "/topics/orders/eventsubscriptions/worker"
ONE = "application/cloudevents+json; charset=utf-8"
BATCH = "application/cloudevents-batch+json; charset=utf-8"
JSON = {"content-type": "application/json"}


def body(*names: str) -> bytes:
    return orjson.dumps([event(name) for name in names])


async def test_publish_receive_acknowledge_on_the_wire(grid: Grid) -> None:
    async with grid.client() as client:
        published = await client.post(PUBLISH, content=body("1", "2"), headers={"content-type": BATCH})
        assert (published.status_code, published.json()) == (200, {})
        assert published.headers["content-type"].startswith("application/json")
        received = (await client.post(f"{SUB}:receive", params={"maxEvents": 10})).json()
        assert received == {
            "value": [
                {"brokerProperties": {"lockToken": token, "deliveryCount": 1}, "event": event(name)}
                for name, token in zip(("1", "2"), grid.subscription().locked, strict=True)
            ]
        }
        token = received["value"][0]["brokerProperties"]["lockToken"]
        answer = await client.post(f"{SUB}:acknowledge", json={"lockTokens": [token, "x"]})
        assert answer.status_code == 200
        error = {"code": "BadToken", "message": "The lock token is not valid."}
        assert answer.json() == {
            "succeededLockTokens": [token],
            "failedLockTokens": [{"lockToken": "x", "error": error}],
        }
        assert (await client.post(f"{SUB}:acknowledge", json={"lockTokens": [token]})).json() == {
            "succeededLockTokens": [],
            "failedLockTokens": [
                {"lockToken": token, "error": {"code": "TokenLost", "message": "Token has expired."}}
            ],
        }


async def test_one_event_alone(grid: Grid) -> None:
    async with grid.client() as client:
        content = orjson.dumps(event("1", data={"ä": [1]}))
        assert (await client.post(PUBLISH, content=content, headers={"content-type": ONE})).is_success
    assert contents(grid.take()) == [event("1", data={"ä": [1]})]


async def test_one_event_in_headers(grid: Grid) -> None:
    headers = {"ce-specversion": "1.0", "ce-id": "1", "ce-source": "/tests", "ce-type": "test.event"}
    async with grid.client() as client:
        assert (await client.post(PUBLISH, json={"a": 1}, headers=headers)).is_success
    assert contents(grid.take()) == [event("1", datacontenttype="application/json", data={"a": 1})]


async def test_receive_gives_one_event_unless_asked_for_more(grid: Grid) -> None:
    await grid.publish("1", "2")
    async with grid.client() as client:
        assert len((await client.post(f"{SUB}:receive")).json()["value"]) == 1


async def test_a_wait_that_ends_is_an_empty_array(grid: Grid) -> None:
    async with grid.client() as client:
        waiting = asyncio.create_task(client.post(f"{SUB}:receive", params={"maxWaitTime": 10}))
        await until(lambda: grid.namespace.waiting(grid.subscription()))
        grid.advance(10)
        answer = await waiting
    assert (answer.status_code, answer.json()) == (200, {"value": []})


async def test_release_reject_and_renew_on_the_wire(grid: Grid) -> None:
    await grid.publish("1", "2", "3")
    one, two, three = (delivery.token for delivery in grid.take())
    async with grid.client() as client:
        for operation, token in (("release", one), ("reject", two), ("renewLock", three)):
            answer = await client.post(f"{SUB}:{operation}", json={"lockTokens": [token]})
            assert answer.json() == {"succeededLockTokens": [token], "failedLockTokens": []}
    assert ids(grid.take()) == ["1"]
    assert len(grid.subscription().locked) == 2


@pytest.mark.parametrize("delay", ["0", "10", "60", "600", "3600"])
async def test_release_delays(grid: Grid, delay: str) -> None:
    await grid.publish("1")
    tokens = [delivery.token for delivery in grid.take()]
    async with grid.client() as client:
        params = {"releaseDelayInSeconds": delay}
        answer = await client.post(f"{SUB}:release", params=params, json={"lockTokens": tokens})
    assert answer.json()["succeededLockTokens"] == tokens
    assert len(grid.subscription().delayed) == (delay != "0")


@pytest.mark.parametrize(
    ("path", "change", "status", "code"),
    [
        ("/topics/none:publish", {}, 404, "ResourceNotFound"),
        ("/topics/none/eventsubscriptions/worker:receive", {}, 404, "ResourceNotFound"),
        ("/topics/orders/eventsubscriptions/none:acknowledge", {"json": {"lockTokens": ["x"]}}, 404, None),
        ("/topics/orders:consume", {}, 404, "ResourceNotFound"),
        ("/topics/orders/eventsubscriptions/worker:renewlock", {}, 404, "ResourceNotFound"),
        ("/topics/orders", {}, 404, "ResourceNotFound"),
        (PUBLISH, {"method": "GET"}, 405, "MethodNotAllowed"),
        (PUBLISH, {"headers": {"authorization": "SharedAccessKey other"}}, 401, "Unauthorized"),
        (PUBLISH, {"params": {"api-version": ""}}, 400, "UnsupportedApiVersion"),
        (PUBLISH, {"params": {"api-version": "2018-01-01"}}, 400, "UnsupportedApiVersion"),
        (PUBLISH, {"headers": {"content-type": "application/json"}}, 415, "UnsupportedMediaType"),
        (PUBLISH, {"content": b"["}, 400, "BadRequest"),
        (PUBLISH, {"content": b"[{}]"}, 400, "BadRequest"),
        (PUBLISH, {"content": body(*map(str, range(1001)))}, 413, "PayloadTooLarge"),
        (PUBLISH, {"content": b" " * (1 << 20) + b"x"}, 413, "PayloadTooLarge"),
        (f"{SUB}:receive", {"params": {"maxEvents": 0}}, 400, "BadRequest"),
        (f"{SUB}:receive", {"params": {"maxEvents": 101}}, 400, "BadRequest"),
        (f"{SUB}:receive", {"params": {"maxEvents": "many"}}, 400, "BadRequest"),
        (f"{SUB}:receive", {"params": {"maxWaitTime": 9}}, 400, "BadRequest"),
        (f"{SUB}:receive", {"params": {"maxWaitTime": 121}}, 400, "BadRequest"),
        (f"{SUB}:acknowledge", {"content": b"{"}, 415, "UnsupportedMediaType"),
        (f"{SUB}:acknowledge", {"content": b"{", "headers": JSON}, 400, "BadRequest"),
        (f"{SUB}:acknowledge", {"json": {"tokens": ["x"]}}, 400, "BadRequest"),
        (f"{SUB}:acknowledge", {"json": {"lockTokens": []}}, 400, "BadRequest"),
        (f"{SUB}:acknowledge", {"json": {"lockTokens": [5]}}, 400, "BadRequest"),
        (
            f"{SUB}:release",
            {"json": {"lockTokens": ["x"]}, "params": {"releaseDelayInSeconds": "5"}},
            400,
            None,
        ),
    ],
)
async def test_errors(grid: Grid, path: str, change: dict[str, Any], status: int, code: str | None) -> None:
    async with grid.client() as client:
        request = {"method": "POST", "url": path, **change}
        if "json" not in request:
            request["headers"] = {"content-type": BATCH, **request.get("headers", {})}
        answer = await client.request(**request)
    assert answer.status_code == status
    error = answer.json()["error"]
    assert error["message"]
    assert code in (None, error["code"])
    assert grid.take() == []


async def test_a_version_must_be_given(grid: Grid) -> None:
    async with grid.client() as client:
        client.params = client.params.remove("api-version")
        answer = await client.post(f"{SUB}:receive")
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "UnsupportedApiVersion")
    assert "required" in answer.json()["error"]["message"]


async def test_the_first_version_has_no_lock_renewal_and_no_release_delay(grid: Grid) -> None:
    await grid.publish("1")
    tokens = {"lockTokens": [delivery.token for delivery in grid.take()]}
    async with grid.client() as client:
        client.params = client.params.set("api-version", "2023-11-01")
        renewed = await client.post(f"{SUB}:renewLock", json=tokens)
        delayed = await client.post(f"{SUB}:release", params={"releaseDelayInSeconds": "10"}, json=tokens)
        released = await client.post(f"{SUB}:release", json=tokens)
    assert (renewed.status_code, delayed.status_code, released.status_code) == (404, 400, 200)
    assert released.json()["succeededLockTokens"] == tokens["lockTokens"]


# -- faults ----------------------------------------------------------------------------------------------------


async def test_a_fault_before_takes_no_effect_and_is_used_up(grid: Grid) -> None:
    async with grid.client() as client:
        fault = {"operation": "publish", "status": 503, "count": 2, "retry_after": 1}
        assert (await client.post("/_emulator/faults", json=fault)).is_success
        answers = [
            await client.post(PUBLISH, content=body("1"), headers={"content-type": BATCH}) for _ in range(3)
        ]
    assert [answer.status_code for answer in answers] == [503, 503, 200]
    assert answers[0].headers["retry-after"] == "1"
    assert answers[0].json()["error"]["code"] == "ServerBusy"
    assert ids(grid.take()) == ["1"]


async def test_a_fault_after_has_taken_effect(grid: Grid) -> None:
    faults = Faults()
    async with grid.client(faults) as client:
        for operation in ("publish", "receive", "acknowledge"):
            faults.add({"operation": operation, "status": 503, "after": True})
        headers = {"content-type": BATCH}
        assert (await client.post(PUBLISH, content=body("1"), headers=headers)).status_code == 503
        assert (await client.post(f"{SUB}:receive")).status_code == 503
        tokens = {"lockTokens": list(grid.subscription().locked)}
        assert (await client.post(f"{SUB}:acknowledge", json=tokens)).status_code == 503
    assert faults.describe() == {
        "pending": [],
        "injected": {"publish": 1, "receive": 1, "acknowledge": 1},
    }
    assert grid.subscription().counters.acknowledged == 1


async def test_a_fault_can_be_of_one_subscription_only_or_only_a_delay(grid: Grid) -> None:
    await grid.publish("1")
    faults = Faults()
    faults.add({"operation": "*", "status": 500, "topic": "orders", "subscription": "audit"})
    faults.add({"operation": "receive", "delay_s": 0.001})
    async with grid.client(faults) as client:
        assert (await client.post(f"{SUB}:receive")).status_code == 200
        assert (await client.post("/topics/orders/eventsubscriptions/audit:receive")).status_code == 500
        assert (await client.get("/_emulator/faults")).json()["pending"] == []


@pytest.mark.parametrize(
    "fault",
    [
        [],
        {},
        {"operation": "consume", "status": 503},
        {"operation": "publish", "stauts": 503},
        {"operation": "publish", "status": 200},
        {"operation": "publish", "status": 503, "count": 0},
        {"operation": "publish", "status": 503, "after": "yes"},
        {"operation": "publish", "hang_up": 1},
        {"operation": "publish", "status": 503, "retry_after": "1"},
        {"operation": "publish", "status": 503, "delay_s": -1},
    ],
)
async def test_a_fault_that_is_wrong(grid: Grid, fault: Any) -> None:
    async with grid.client() as client:
        answer = await client.post("/_emulator/faults", json=fault)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "BadRequest")


# -- the admin surface -----------------------------------------------------------------------------------------


async def test_health_needs_no_key(grid: Grid) -> None:
    async with grid.client() as client:
        answer = await client.get("/healthz", headers={"authorization": ""})
    assert answer.json() == {"status": "ok"}


async def test_stats_tell_every_queue(grid: Grid) -> None:
    await grid.publish("1", "2", "3", "4")
    first, second, third = grid.take(3)
    await grid.settle("acknowledge", [first])
    await grid.settle("release", [second], delay_s=60)
    await grid.settle("reject", [third])
    grid.take(1)
    grid.clock.time += 5
    async with grid.client() as client:
        await client.post(f"{SUB}:acknowledge", json={"lockTokens": ["x"]})
        stats = (await client.get("/_emulator/stats")).json()
    assert stats["calls"] == {"acknowledge:200": 1}
    assert stats["stored_bytes"] > 0
    orders = stats["topics"]["orders"]
    assert orders["published"] == 4
    assert orders["subscriptions"]["worker"] == {
        "available": 0,
        "locked": 1,
        "delayed": 1,
        "waiting_receivers": 0,
        "oldest_available_s": 0.0,
        "delivered": 4,
        "acknowledged": 1,
        "released": 1,
        "rejected": 1,
        "renewed": 0,
        "lock_expired": 0,
        "dead_lettered": 1,
    }
    audit = orders["subscriptions"]["audit"]
    assert (audit["available"], audit["oldest_available_s"]) == (4, 5.0)
    assert stats["topics"]["dead-orders"]["published"] == 1


async def test_dead_letters_can_be_read(grid: Grid) -> None:
    await grid.publish("1", "2")
    await grid.settle("reject", grid.take(name="audit"), name="audit")
    async with grid.client() as client:
        path = "/_emulator/topics/orders/subscriptions/audit/deadletters"
        both = (await client.get(path)).json()
        newest = (await client.get(path, params={"limit": 1})).json()
        elsewhere = (await client.get("/_emulator/topics/orders/subscriptions/worker/deadletters")).json()
        unknown = await client.get("/_emulator/topics/orders/subscriptions/none/deadletters")
    assert both["dead_letter_topic"] is None
    assert [letter["id"] for letter in both["value"]] == ["2", "1"]
    assert newest["value"] == both["value"][:1]
    assert elsewhere == {"dead_letter_topic": "dead-orders", "value": []}
    assert unknown.status_code == 404
