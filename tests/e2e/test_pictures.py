"""A picture's way through the running system, as its users see it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.support.scenes import jpeg_of_size, png, tiny_png
from tests.support.stack import RunningStack
from tests.support.waiting import until_sync
from tools.setup import locations
from tools.stack.settings import ROOT

pytestmark = pytest.mark.usefixtures("stack")


def test_a_photo_is_classified_and_found(stack: RunningStack) -> None:
    photo = (locations.samples_dir() / "coffee.png").read_bytes()
    answer = stack.upload(photo, "C-1042")
    assert answer.status_code == 202, answer.text
    body = answer.json()
    assert body["status"] == "received"
    assert answer.headers["location"] == f"{stack.url('query')}/v1/images/{body['id']}"

    record = stack.wait_for(body["id"])
    assert record["claim_id"] == "C-1042"
    assert (record["image"]["width"], record["image"]["height"]) == (body["width"], body["height"])
    assert record["analysis"]["tags"]
    assert record["analysis"]["caption"]["text"]
    assert [entry["status"] for entry in record["history"]] == ["received", "classified"]

    found = until_sync(
        lambda: stack.listed(claim_id="C-1042", tag=record["analysis"]["tags"][0]["name"]),
        what="the picture in the index",
    )
    assert found == [body["id"]]
    content = httpx.get(f"{stack.url('query')}/v1/images/{body['id']}/content", follow_redirects=True)
    assert content.content == photo


@pytest.mark.parametrize(
    ("photo", "asked"),
    [
        ("chelsea.png", {"tag": "cat"}),
        ("coffee.png", {"tag": "espresso"}),
        ("astronaut.png", {"tag": "person"}),
        ("motorcycle_left.png", {"tag": "motorcycle"}),
        ("page.png", {"q": "segmentation"}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_photo_is_found_by_what_a_person_sees_in_it(
    stack: RunningStack, photo: str, asked: dict[str, str]
) -> None:
    claim = f"C-{Path(photo).stem}"
    identifier = stack.upload((locations.samples_dir() / photo).read_bytes(), claim).json()["id"]
    stack.wait_for(identifier)
    found = until_sync(lambda: stack.listed(claim_id=claim, **asked), what=f"{photo} by {asked}")
    assert found == [identifier]


def test_text_in_a_picture_is_searchable(stack: RunningStack) -> None:
    identifier = stack.upload(png(640, 240, seed=3, text="INVOICE 4711"), "C-text").json()["id"]
    record = stack.wait_for(identifier)
    assert "4711" in " ".join(line["content"] for line in record["analysis"]["text"])
    assert until_sync(lambda: stack.listed(q="4711"), what="the text in the index") == [identifier]


@pytest.mark.parametrize(
    ("content", "size"),
    [(jpeg_of_size(19_000_000), 19_000_000), (tiny_png(), 100)],
    ids=["19 MB JPEG", "tiny PNG"],
)
def test_the_largest_and_the_smallest_go_through(stack: RunningStack, content: bytes, size: int) -> None:
    assert len(content) >= size
    answer = stack.upload(content, "C-sizes")
    assert answer.status_code == 202, answer.text
    record = stack.wait_for(answer.json()["id"], timeout_s=120)
    assert record["image"]["size"] == len(content)


def test_the_same_bytes_are_one_picture_and_one_call(stack: RunningStack) -> None:
    content = png(seed=44)
    first = stack.upload(content, "C-same").json()
    stack.wait_for(first["id"])
    calls = httpx.get(f"{stack.url('vision')}/_emulator/calls").json()["count"]
    second = stack.upload(content, "C-same").json()
    assert (second["id"], second["already_known"], first["already_known"]) == (first["id"], True, False)
    other_claim = stack.upload(content, "C-other").json()
    assert other_claim["id"] != first["id"]
    stack.wait_for(other_claim["id"])
    assert httpx.get(f"{stack.url('vision')}/_emulator/calls").json()["count"] == calls + 1


@pytest.mark.parametrize(
    ("content", "claim_id", "status"),
    [
        (b"", "C-1", 400),
        (png(seed=9), "no spaces allowed", 400),
        (b"\xff\xd8\xff" + b"\x00" * (21 * 1024 * 1024), "C-1", 413),
        (b"%PDF-1.7 not a picture", "C-1", 415),
        (png(seed=10)[:-600], "C-1", 422),
        (png(40, 40), "C-1", 422),
    ],
    ids=["empty", "claim id", "too large", "not an image", "truncated", "too small"],
)
def test_a_bad_upload_gets_its_status(
    stack: RunningStack, content: bytes, claim_id: str, status: int
) -> None:
    answer = stack.upload(content, claim_id)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == status
    assert answer.json()["trace_id"]


def test_the_command_line_uploads_finds_and_classifies_again(stack: RunningStack, tmp_path: Path) -> None:
    (tmp_path / "one.png").write_bytes(png(seed=601))
    (tmp_path / "broken.png").write_bytes(png(seed=602)[:300])

    def claimlens(*arguments: str) -> subprocess.CompletedProcess[str]:
        addresses = {"CLAIMLENS_INGEST_URL": stack.url("ingest"), "CLAIMLENS_QUERY_URL": stack.url("query")}
        return subprocess.run(
            [sys.executable, "-m", "cli", *arguments],
            cwd=ROOT, env={**os.environ, **addresses, "COLUMNS": "200"},
            capture_output=True, text=True, timeout=90, check=False,
        )  # fmt: skip

    uploaded = claimlens("upload", str(tmp_path), "--claim", "C-cli")
    assert uploaded.returncode == 1
    assert "1 accepted, 1 refused." in uploaded.stdout
    found = until_sync(
        lambda: claimlens("search", "--claim", "C-cli", "--status", "classified", "--json").stdout,
        60,
        "the picture is found",
    )
    record = json.loads(found)
    assert json.loads(claimlens("show", record["id"]).stdout)["id"] == record["id"]
    again = claimlens("replay", "--claim", "C-cli", "--journal", str(tmp_path / "journal"))
    assert "1 asked for again" in again.stdout, again.stderr
    until_sync(
        lambda: sum(entry["status"] == "classified" for entry in stack.record(record["id"])["history"]) == 2,
        60,
        "a second result in the history",
    )


def test_dapr_lists_three_sidecars(stack: RunningStack) -> None:
    listed = subprocess.run(
        [str(locations.dapr_cli()), "list"], capture_output=True, text=True, timeout=30, check=True
    ).stdout
    for app, port in (
        ("ingest", stack.ports.ingest),
        ("classifier", stack.ports.classifier),
        ("query", stack.ports.query),
    ):
        assert any(
            line.split()[0] == app and str(port) in line.split() for line in listed.splitlines()[1:]
        ), listed


def test_the_page_and_the_apis_describe_themselves(stack: RunningStack) -> None:
    page = httpx.get(f"{stack.url('query')}/")
    assert page.status_code == 200
    assert "text/html" in page.headers["content-type"]
    for service in ("ingest", "query"):
        document = httpx.get(f"{stack.url(service)}/openapi.json").json()
        assert document["openapi"].startswith("3.1")
        assert "/v1/images" in document["paths"]
    for service in ("ingest", "classifier", "query"):
        assert httpx.get(f"{stack.url(service)}/readyz").json()["missing"] == {}
        assert "claimlens_http_requests" in httpx.get(f"{stack.url(service)}/metrics").text


def test_a_picture_is_classified_again_reviewed_and_found_by_its_looks(stack: RunningStack) -> None:
    scene = png(640, 480, seed=71)
    first = stack.upload(scene, "C-again").json()["id"]
    twin = stack.upload(scene, "C-twin").json()["id"]
    for identifier in (first, twin):
        stack.wait_for(identifier)

    asked = httpx.post(f"{stack.url('ingest')}/v1/images/{first}/classification", timeout=30)
    assert asked.status_code == 202, asked.text
    done = until_sync(
        lambda: (record := stack.record(first))["requested_classification"].get("done_at") and record,
        60,
        "classified again",
    )
    assert done
    assert [entry.get("request") for entry in done["history"]] == [None, None, asked.json()["request"]]

    review = {"labels": ["End to end"], "note": "seen by a person"}
    answer = httpx.put(f"{stack.url('ingest')}/v1/images/{first}/review", json=review, timeout=30)
    assert answer.status_code == 200, answer.text
    found = until_sync(lambda: stack.listed(label="end to end"), what="the review in the index")
    assert found == [first]

    alike = httpx.get(f"{stack.url('query')}/v1/images/{first}/similar").json()["items"]
    assert [(item["record"]["id"], item["distance"]) for item in alike] == [(twin, 0)]
