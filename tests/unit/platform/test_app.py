"""The app that every service starts from: problems, health, traces, metrics."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any

import httpx
import pytest
from fastapi import FastAPI, HTTPException, Query
from fastapi.responses import StreamingResponse

from services.platform import errors, health
from services.platform.app import base_app
from services.platform.errors import ServiceError, TooManyRequests, Unavailable
from services.platform.health import Check
from services.platform.problem import problem_responses
from services.platform.settings import ServiceSettings
from services.platform.tracing import current_trace_id, current_traceparent

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


def _all_errors(root: type[ServiceError] = ServiceError) -> list[type[ServiceError]]:
    return [root, *(each for child in root.__subclasses__() for each in _all_errors(child))]


PLATFORM_ERRORS = [each for each in _all_errors() if each.__module__ == errors.__name__]


@pytest.fixture
def checks() -> dict[str, Check]:
    return {}


@pytest.fixture
def app(checks: dict[str, Check]) -> FastAPI:
    app = base_app("test", "For tests.", ServiceSettings(port=1), checks=checks)

    @app.get("/raise/{name}")
    async def fail(name: str) -> None:
        raise getattr(errors, name)("what and why")

    @app.get("/limit")
    async def limit(n: Annotated[int, Query(ge=1, le=100)]) -> dict[str, Any]:
        return {"n": n, "trace_id": current_trace_id(), "traceparent": current_traceparent()}

    @app.get("/things/{thing}", responses=problem_responses(404))
    async def thing(thing: str) -> None:
        raise HTTPException(404, f"no {thing}", {"X-Extra": "1"})

    @app.get("/bug")
    async def bug() -> None:
        raise KeyError("secret")

    return app


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client


@pytest.mark.parametrize("kind", PLATFORM_ERRORS, ids=lambda kind: kind.__name__)
async def test_every_error_is_a_problem(client: httpx.AsyncClient, kind: type[ServiceError]) -> None:
    response = await client.get(f"/raise/{kind.__name__}")
    body = response.json()
    assert response.status_code == body["status"] == kind.status
    assert response.headers["content-type"] == "application/problem+json"
    assert (body["type"], body["title"]) == (f"urn:claimlens:problem:{kind.code}", kind.title)
    assert body["detail"] == "what and why"
    assert len(body["trace_id"]) == 32


def test_statuses_and_codes_are_in_the_docstring_tree() -> None:
    for kind in PLATFORM_ERRORS:
        assert f"{kind.__name__} " in (errors.__doc__ or ""), kind


async def test_retry_after(client: httpx.AsyncClient) -> None:
    assert (await client.get("/raise/Unavailable")).headers["retry-after"] == "5"
    assert "retry-after" not in (await client.get("/raise/NotFound")).headers


def test_errors_carry_their_own_code_and_wait() -> None:
    error = TooManyRequests("slow down", code="rate-limited", retry_after_s=7)
    assert (error.code, error.retry_after_s, str(error)) == ("rate-limited", 7, "slow down")
    assert TooManyRequests.code == "too-many-requests"
    assert Unavailable("x", retry_after_s=None).retry_after_s is None


async def test_who_is_unauthorized_learns_the_scheme(client: httpx.AsyncClient) -> None:
    assert (await client.get("/raise/Unauthorized")).headers["www-authenticate"] == "Bearer"


async def test_bad_parameter_is_400_and_names_the_field(client: httpx.AsyncClient) -> None:
    body = (await client.get("/limit?n=1000")).json()
    assert (body["status"], body["type"]) == (400, "urn:claimlens:problem:bad-request")
    assert body["errors"][0]["field"] == "n"
    assert body["detail"].startswith("n: ")


async def test_http_error_keeps_its_headers(client: httpx.AsyncClient) -> None:
    response = await client.get("/things/cat")
    assert (response.status_code, response.headers["x-extra"]) == (404, "1")
    assert response.json()["detail"] == "no cat"


async def test_unknown_path_and_method(client: httpx.AsyncClient) -> None:
    assert (await client.get("/nowhere")).json()["type"] == "urn:claimlens:problem:not-found"
    response = await client.post("/limit")
    assert (response.status_code, response.headers["allow"]) == (405, "GET")


async def test_bug_is_500_and_tells_nothing(client: httpx.AsyncClient) -> None:
    response = await client.get("/bug")
    assert response.status_code == 500
    assert response.headers["content-type"] == "application/problem+json"
    assert "secret" not in response.text
    assert response.json()["trace_id"] == response.headers["traceparent"][3:35]


async def test_bug_after_the_answer_began_is_not_answered_again(app: FastAPI) -> None:
    @app.get("/stream")
    async def stream() -> StreamingResponse:
        async def body() -> AsyncIterator[bytes]:
            yield b"part"
            raise KeyError("secret")

        return StreamingResponse(body())

    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        with pytest.raises(KeyError):
            await client.get("/stream")


async def test_problems_are_in_openapi(client: httpx.AsyncClient) -> None:
    document = (await client.get("/openapi.json")).json()
    assert document["openapi"].startswith("3.1")
    answers = document["paths"]["/things/{thing}"]["get"]["responses"]
    schema = answers["404"]["content"]["application/problem+json"]["schema"]
    assert {"type", "title", "status", "detail", "trace_id"} <= set(schema["properties"])


async def test_trace_is_taken_up(client: httpx.AsyncClient) -> None:
    response = await client.get("/limit?n=1", headers={"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"})
    assert response.json()["trace_id"] == TRACE
    assert response.headers["traceparent"] == response.json()["traceparent"]
    assert "00f067aa0ba902b7" not in response.headers["traceparent"], "a span of our own"


async def test_a_trace_of_zeros_is_none(client: httpx.AsyncClient) -> None:
    """What daprd sends when it does not trace."""
    nothing = f"00-{'0' * 32}-{'0' * 16}-00"
    response = await client.get("/limit?n=1", headers={"traceparent": nothing})
    assert set(response.json()["trace_id"]) != {"0"}


@pytest.mark.parametrize("given", ["", "nonsense", f"00-{TRACE.upper()}-00f067aa0ba902b7-01"])
async def test_trace_is_begun(client: httpx.AsyncClient, given: str) -> None:
    first = (await client.get("/limit?n=1", headers={"traceparent": given})).json()["trace_id"]
    second = (await client.get("/limit?n=1", headers={"traceparent": given})).json()["trace_id"]
    assert len(first) == len(second) == 32
    assert first != second


def test_no_trace_outside_a_request() -> None:
    assert current_trace_id() == ""


async def test_healthy_whatever_is_missing(client: httpx.AsyncClient, checks: dict[str, Check]) -> None:
    async def away() -> None:
        raise Unavailable("gone")

    checks["sidecar"] = away
    assert (await client.get("/healthz")).status_code == 200


async def test_ready_names_what_is_missing(
    client: httpx.AsyncClient, checks: dict[str, Check], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "CHECK_TIMEOUT_S", 0.05)

    async def fine() -> None: ...

    async def away() -> None:
        raise Unavailable("not loaded")

    async def wordless() -> None:
        raise ConnectionResetError

    async def hangs() -> None:
        await asyncio.Event().wait()

    checks.update(a=fine)
    ready = await client.get("/readyz")
    assert (ready.status_code, ready.json()) == (200, {"status": "ready", "missing": {}})
    checks.update(b=away, c=wordless, d=hangs)
    response = await client.get("/readyz")
    assert response.status_code == 503
    assert response.json()["missing"] == {
        "b": "not loaded",
        "c": "ConnectionResetError",
        "d": "no answer within 0.05 s",
    }
    assert response.headers["retry-after"]


async def test_metrics_by_route_not_by_path(client: httpx.AsyncClient) -> None:
    for name in ("cat", "dog"):
        await client.get(f"/things/{name}")
    await client.get("/nowhere")
    await client.get("/bug")
    text = (await client.get("/metrics")).text
    assert 'claimlens_http_requests_total{method="GET",route="/things/{thing}",status="404"} 2.0' in text
    assert 'route="unmatched",status="404"} 1.0' in text
    assert 'route="/bug",status="500"} 1.0' in text
    assert 'claimlens_http_request_seconds_count{method="GET",route="/things/{thing}"} 2.0' in text
    assert "cat" not in text
