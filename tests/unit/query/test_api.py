"""Records and searching over HTTP."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from services.query.settings import Settings
from tests.support.records import classified, received
from tests.unit.query.conftest import World


def assert_problem(response: httpx.Response, status: int, code: str) -> dict[str, Any]:
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = response.json()
    assert body["type"] == f"urn:claimlens:problem:{code}"
    assert body["status"] == status
    assert len(body["trace_id"]) == 32
    return body


async def test_a_record_with_its_etag(world: World, client: httpx.AsyncClient) -> None:
    record = classified(1, tags={"car": 0.9})
    etag = world.store(record)
    response = await client.get(f"/v1/images/{record.id}")
    assert response.status_code == 200
    assert response.headers["etag"] == f'"{etag}"'
    body = response.json()
    assert body["id"] == record.id
    assert body["received_at"] == "2026-11-22T12:00:01.000Z"
    assert "review" not in body


@pytest.mark.parametrize("header", ['"{etag}"', 'W/"{etag}"', '"x", "{etag}"', "*"])
async def test_an_unchanged_record_is_not_sent_again(
    world: World, client: httpx.AsyncClient, header: str
) -> None:
    etag = world.store(received(1))
    url = f"/v1/images/{received(1).id}"
    response = await client.get(url, headers={"If-None-Match": header.format(etag=etag)})
    assert (response.status_code, response.content) == (304, b"")
    assert response.headers["etag"] == f'"{etag}"'
    world.store(classified(1))
    assert (await client.get(url, headers={"If-None-Match": f'"{etag}"'})).status_code == 200


async def test_a_store_that_quotes_its_etags(world: World, client: httpx.AsyncClient) -> None:
    world.store(received(1))
    world.records._stored[f"image-{received(1).id}"].etag = '"0000-1"'
    response = await client.get(f"/v1/images/{received(1).id}")
    assert response.headers["etag"] == '"0000-1"'


@pytest.mark.parametrize("identifier", ["0" * 32, "x", "..%2f..", "A" * 32, "%00"])
async def test_an_unknown_record_is_404(client: httpx.AsyncClient, identifier: str) -> None:
    assert_problem(await client.get(f"/v1/images/{identifier}"), 404, "not-found")


async def test_state_away_is_503_with_retry_after(world: World, client: httpx.AsyncClient) -> None:
    world.records.faults.down = True
    response = await client.get(f"/v1/images/{received(1).id}")
    assert_problem(response, 503, "sidecar-unavailable")
    assert int(response.headers["retry-after"]) > 0


async def test_search_answers_records_total_and_facets(world: World, client: httpx.AsyncClient) -> None:
    await world.index_all(
        classified(1, tags={"car": 0.9}, labels={"vehicle": 0.9}),
        classified(2, tags={"car": 0.8}),
        received(3),
    )
    body = (await client.get("/v1/images")).json()
    assert [item["id"] for item in body["items"]] == [received(number).id for number in (3, 2, 1)]
    assert body["total"] == 3
    assert body["next_cursor"] is None
    assert body["facets"] == {
        "tag": {"car": 2},
        "label": {"vehicle": 1},
        "status": {"classified": 2, "received": 1},
    }


@pytest.mark.parametrize(
    ("params", "found"),
    [
        ({"q": "red"}, [1]),
        ({"q": "  "}, [1, 2, 3]),
        ({"tag": "CAR"}, [1, 2]),
        ({"tag": ["car", "road"]}, [2]),
        ({"label": "vehicle"}, [1]),
        ({"tag": "car", "min_confidence": 0.5}, [1]),
        ({"claim_id": "C-2"}, [3]),
        ({"status": "received"}, [3]),
        ({"needs_review": "true"}, [2]),
        ({"needs_review": "false"}, [1, 3]),
        ({"from": "2026-11-22", "to": "2026-11-22"}, [1, 2, 3]),
        ({"from": "2026-11-23"}, []),
        ({"to": "2026-11-22T12:00:02Z"}, [1]),
        ({"sort": "-received_at", "limit": 2}, [2, 3]),
    ],
)
async def test_parameters(
    world: World, client: httpx.AsyncClient, params: dict[str, Any], found: list[int]
) -> None:
    records = {
        1: classified(1, tags={"car": 0.9}, labels={"vehicle": 0.9}, caption="a red car"),
        2: classified(2, tags={"car": 0.3, "road": 0.8}).model_copy(update={"needs_review": True}),
        3: received(3, claim_id="C-2"),
    }
    await world.index_all(*records.values())
    response = await client.get("/v1/images", params=params)
    assert sorted(item["id"] for item in response.json()["items"]) == sorted(records[n].id for n in found)


async def test_a_cursor_leads_through_all_pages(world: World, client: httpx.AsyncClient) -> None:
    await world.index_all(*(received(number) for number in range(5)))
    seen, cursor = [], None
    while True:
        params = {"limit": 2, **({"cursor": cursor} if cursor else {})}
        body = (await client.get("/v1/images", params=params)).json()
        seen += [item["id"] for item in body["items"]]
        if (cursor := body["next_cursor"]) is None:
            break
    assert seen == [received(number).id for number in (4, 3, 2, 1, 0)]


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"limit": 0}, "limit"),
        ({"limit": 101}, "limit"),
        ({"limit": "x"}, "limit"),
        ({"status": "lost"}, "status"),
        ({"needs_review": "perhaps"}, "needs_review"),
        ({"sort": "size"}, "sort"),
        ({"min_confidence": 2}, "min_confidence"),
        ({"min_confidence": "nan"}, "min_confidence"),
        ({"from": "yesterday"}, "from"),
        ({"to": "2026-02-30"}, "to"),
        ({"q": "x" * 300}, "q"),
        ({"tag": ["x"] * 20}, "tag"),
        ({"tag": ""}, "tag"),
    ],
)
async def test_a_bad_parameter_is_named(
    client: httpx.AsyncClient, params: dict[str, Any], field: str
) -> None:
    body = assert_problem(await client.get("/v1/images", params=params), 400, "bad-request")
    assert field in body["detail"]


async def test_a_bad_cursor_and_one_of_another_query(world: World, client: httpx.AsyncClient) -> None:
    await world.index_all(received(1), received(2))
    assert_problem(await client.get("/v1/images", params={"cursor": "x"}), 400, "bad-cursor")
    cursor = (await client.get("/v1/images", params={"limit": 1})).json()["next_cursor"]
    response = await client.get("/v1/images", params={"limit": 1, "cursor": cursor, "q": "car"})
    assert_problem(response, 400, "bad-cursor")


async def test_tags(world: World, client: httpx.AsyncClient) -> None:
    await world.index_all(classified(1, tags={"car": 0.9, "road": 0.1}), classified(2, tags={"car": 0.9}))
    assert (await client.get("/v1/tags")).json() == {"car": 2, "road": 1}
    assert (await client.get("/v1/tags", params={"limit": 1})).json() == {"car": 2}


async def test_readiness_names_what_is_missing(world: World, client: httpx.AsyncClient) -> None:
    assert (await client.get("/healthz")).status_code == 200
    assert (await client.get("/readyz")).status_code == 200
    world.missing = {"sidecar", "images"}
    response = await client.get("/readyz")
    assert response.status_code == 503
    assert set(response.json()["missing"]) == {"sidecar", "images"}


async def test_metrics_and_openapi(client: httpx.AsyncClient) -> None:
    await client.get("/v1/images")
    metrics = (await client.get("/metrics")).text
    assert 'claimlens_http_requests_total{method="GET",route="/v1/images",status="200"} 1.0' in metrics
    assert "claimlens_search_seconds_count 1.0" in metrics
    paths = (await client.get("/openapi.json")).json()["paths"]
    assert {"/v1/images", "/v1/images/{image_id}", "/v1/tags", "/v1/events"} <= set(paths)
    assert not [path for path in paths if path.startswith(("/dapr", "/events"))]


async def test_keys_are_asked_for_where_there_are_any(tmp_path: Path) -> None:
    reader, admin = "reader-key-0123456789", "admin-key-0123456789"
    world = World(Settings(data_dir=tmp_path, api_keys=f"r:reader:{reader},a:admin:{admin}"))
    transport = httpx.ASGITransport(world.app())
    async with httpx.AsyncClient(transport=transport, base_url="http://query") as client:
        assert_problem(await client.get("/v1/images"), 401, "unauthorized")
        for path in ("/v1/tags", "/v1/events", "/v1/index", "/v1/images/x", "/v1/images/x/thumbnail"):
            assert (await client.get(path)).status_code == 401
        headers = {"Authorization": f"Bearer {reader}"}
        assert (await client.get("/v1/images", headers=headers)).status_code == 200
        response = await client.post("/v1/index/rebuild", headers=headers)
        assert_problem(response, 403, "forbidden")
