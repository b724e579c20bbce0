"""The commands against the two APIs' answers."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner, Result

from cli import main
from cli.client import Client
from cli.settings import CliSettings

Answer = Callable[[httpx.Request], httpx.Response]
ID = "0" * 31


def record(n: int, **more: Any) -> dict[str, Any]:
    image = {"blob": f"C-1/{ID}{n}.png", "size": 3, "sha256": "ab"}
    return {"id": f"{ID}{n}", "claim_id": "C-1", "status": "classified", "image": image, **more}


def page(items: list[dict[str, Any]], next_cursor: str | None = None) -> httpx.Response:
    return httpx.Response(
        200, json={"items": items, "next_cursor": next_cursor, "total": len(items), "facets": {}}
    )


def problem(status: int, code: str, **headers: str) -> httpx.Response:
    content = {"type": f"urn:claimlens:problem:{code}", "detail": f"it is {code}"}
    return httpx.Response(status, json=content, headers=headers)


class Services:
    """Both APIs as one function from requests to answers; keeps the requests and the waits."""

    def __init__(self) -> None:
        self.answer: Answer = lambda _: httpx.Response(500)
        self.requests: list[httpx.Request] = []
        self.waits: list[float] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        return self.answer(request)


@pytest.fixture
def services(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Services:
    double = Services()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(main.console, "_width", 200)
    monkeypatch.setattr(
        main, "Client", lambda settings: Client(settings, httpx.MockTransport(double), double.waits.append)
    )
    return double


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main.app, list(arguments))


def test_upload_says_what_became_of_each_file(services: Services, tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    (folder / "good.jpg").write_bytes(b"good")
    (folder / "bad.png").write_bytes(b"bad")
    (folder / "notes.txt").write_bytes(b"not a picture")

    def answer(request: httpx.Request) -> httpx.Response:
        body = request.read()
        assert b"C-7" in body
        assert b'{"by": "me"}' in body
        if b"bad.png" in body:
            return problem(415, "unsupported-media-type")
        return httpx.Response(202, json={"id": ID, "already_known": False})

    services.answer = answer
    result = run("upload", folder.name, "--claim", "C-7", "-m", "by=me")
    assert result.exit_code == 1
    assert "refused (unsupported-media-type): it is unsupported-media-type" in result.output
    assert "1 accepted, 1 refused." in result.output
    assert len(services.requests) == 2


def test_upload_waits_as_it_is_told_and_tries_again(services: Services, tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"a")
    answers = [
        problem(429, "too-many-requests", **{"retry-after": "3"}),
        problem(503, "unavailable"),
        httpx.Response(202, json={"id": ID, "already_known": True}),
    ]
    services.answer = lambda _: answers.pop(0)
    result = run("upload", "a.jpg")
    assert result.exit_code == 0
    assert "already known" in result.output
    assert services.waits == [3.0, 2.0]


def test_a_path_that_is_not_there_is_named(services: Services) -> None:
    result = run("upload", "nowhere.jpg")
    assert result.exit_code == 1
    assert "nowhere.jpg: no such file or folder" in result.output


def test_nothing_listening_says_what_to_do(services: Services) -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    services.answer = refuse
    result = run("show", ID)
    assert result.exit_code == 1
    assert "make run" in result.output
    assert "CLAIMLENS_QUERY_URL" in result.output


def test_search_follows_the_pages_up_to_the_limit(services: Services) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        assert request.url.params.get_list("tag") == ["car", "red"]
        if "cursor" in request.url.params:
            return page([record(3)])
        return page([record(1), record(2)], "more")

    services.answer = answer
    result = run("search", "--tag", "car", "--tag", "red", "--limit", "3", "--json")
    assert [json.loads(line)["id"][-1] for line in result.output.splitlines()] == ["1", "2", "3"]
    assert services.requests[1].url.params["limit"] == "1"


@pytest.mark.parametrize(("option", "asked"), [("--needs-review", "true"), ("--no-review-needed", "false")])
def test_search_for_what_a_person_should_see(services: Services, option: str, asked: str) -> None:
    services.answer = lambda _: page([record(1)])
    assert run("search", option).exit_code == 0
    assert services.requests[0].url.params["needs_review"] == asked


def test_replay_takes_the_chosen_model_and_goes_on_after_an_interruption(services: Services) -> None:
    old, new = {"analysis": {"model_version": "1"}}, {"analysis": {"model_version": "2"}}
    asked: list[str] = []
    away = True

    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            return page([record(1, **old), record(2, **new), record(3, **old)])
        image_id = request.url.path.split("/")[3]
        if image_id.endswith("3") and away:
            raise httpx.ConnectError("gone", request=request)
        asked.append(image_id[-1])
        return httpx.Response(202, json={})

    services.answer = answer
    command = ("replay", "--model-version", "1", "--rate", "1000")
    assert run(*command).exit_code == 1
    away = False
    result = run(*command)
    assert result.exit_code == 0, result.output
    assert asked == ["1", "3"]
    assert "1 asked for again, 1 done before, 0 refused." in result.output
    run(*command)
    assert asked == ["1", "3", "1", "3"], "a finished replay begins anew"


def test_replay_names_what_was_refused(services: Services) -> None:
    services.answer = lambda r: page([record(1)]) if r.method == "GET" else problem(409, "conflict")
    result = run("replay", "--rate", "1000")
    assert result.exit_code == 1
    assert f"{ID}1: it is conflict" in result.output


def test_export_writes_reviewed_pictures_and_their_labels(services: Services, tmp_path: Path) -> None:
    review = {"labels": ["hail"], "by": "ann", "at": "2026-01-01T00:00:00.000Z", "note": "roof"}

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/content"):
            return httpx.Response(200, content=b"PNG")
        return page([record(1, review=review, labels=[{"name": "vehicle", "confidence": 0.9}]), record(2)])

    services.answer = answer
    result = run("export", "set")
    assert result.exit_code == 0, result.output
    lines = [json.loads(line) for line in (tmp_path / "set" / "manifest.jsonl").read_text().splitlines()]
    assert len(lines) == 1
    assert (lines[0]["labels"], lines[0]["machine"]["labels"]) == (["hail"], {"vehicle": 0.9})
    assert (tmp_path / "set" / lines[0]["file"]).read_bytes() == b"PNG"
    fetched = len(services.requests)
    run("export", "set")
    assert len(services.requests) == fetched + 1, "a picture that is there is not fetched again"


def test_watch_prints_changes(services: Services) -> None:
    stream = (
        b'event: image\ndata: {"id": "a1", "status": "classified", "claim_id": "C-1"}\n\n: still here\n\n'
        b'event: image\ndata: {"id": "b2", "status": null}\n\n'
    )
    services.answer = lambda _: httpx.Response(
        200, content=stream, headers={"content-type": "text/event-stream"}
    )
    result = run("watch")
    assert result.output.splitlines() == ["classified a1 C-1", "deleted b2 "]


def test_reindex_waits_for_the_end(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(main, "POLL_S", 0)
    states = [(True, None), (True, None), (False, None)]

    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            return httpx.Response(202, json={})
        rebuilding, error = states.pop(0)
        return httpx.Response(200, json={"images": 7, "rebuilding": rebuilding, "seen": 3, "error": error})

    services.answer = answer
    assert "The index holds 7 pictures." in run("reindex").output
    assert states == []


def test_the_key_is_sent(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLAIMLENS_API_KEY", "k" * 20)
    assert CliSettings().api_key == "k" * 20
    services.answer = lambda _: httpx.Response(200, json=record(1))
    run("show", ID)
    assert services.requests[0].headers["authorization"] == f"Bearer {'k' * 20}"
