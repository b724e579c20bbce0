"""Old and new versions of classifier and query side by side, as during an upgrade and a rollback."""

import io
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from tests.support.scenes import png
from tests.support.stack import RunningStack, listed
from tests.support.versions import OLDER, OlderService, beside, unpack
from tests.support.waiting import until_sync

PICTURES = 24
CLAIM = "C-versions"
# What both versions know of a record.
KNOWN = ("id", "claim_id", "status", "received_at", "classified_at", "analysis")
# What the older version does not know and the present ingest writes.
LATER = ("phash", "taken_at", "camera")


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    try:
        return unpack(OLDER, tmp_path_factory.mktemp("older"))
    except LookupError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def classifier(stack: RunningStack, tree: Path) -> Iterator[OlderService]:
    with beside(stack, "classifier", tree) as older:
        yield older


@pytest.fixture(scope="module")
def query(stack: RunningStack, tree: Path) -> Iterator[OlderService]:
    with beside(stack, "query", tree) as older:
        yield older


def photo(seed: int) -> bytes:
    """A JPEG with a camera and a time of capture."""
    picture = Image.open(io.BytesIO(png(seed=seed)))
    exif = Image.Exif()
    exif[0x010F], exif[0x0110] = "Acme", "Acme One"
    exif.get_ifd(0x8769)[0x9003] = "2026:03:01 10:20:30"
    out = io.BytesIO()
    picture.save(out, "JPEG", exif=exif)
    return out.getvalue()


def upload_many(stack: RunningStack, claim: str, first: int) -> list[str]:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: stack.upload(photo(first + n), claim), range(PICTURES)))
    assert [answer.status_code for answer in answers] == [202] * PICTURES
    return [str(answer.json()["id"]) for answer in answers]


def get(query_url: str, identifier: str) -> dict[str, Any]:
    answer = httpx.get(f"{query_url}/v1/images/{identifier}", timeout=20).raise_for_status()
    body: dict[str, Any] = answer.json()
    return body


@pytest.fixture(scope="module")
def records(stack: RunningStack, classifier: OlderService, query: OlderService) -> dict[str, dict[str, Any]]:
    """Pictures that the present ingest took and whichever classifier got to them first classified."""
    faults = f"{stack.url('vision')}/_emulator/faults"
    # Slow enough that neither classifier takes them all.
    httpx.post(faults, json={"delay_s": 0.3, "count": -1}).raise_for_status()
    try:
        ids = upload_many(stack, CLAIM, 31_000)
        return {identifier: stack.wait_for(identifier, timeout_s=120) for identifier in ids}
    finally:
        httpx.delete(faults).raise_for_status()


def by_older(classifier: OlderService, ids: Iterable[str]) -> set[str]:
    """Those that the older classifier classified."""
    told = [entry["image_id"] for entry in classifier.entries("delivery") if entry["kind"] == "classified"]
    return set(ids).intersection(told)


def test_both_classify_and_neither_loses_what_the_other_wrote(
    records: dict[str, dict[str, Any]],
    classifier: OlderService,
    record_property: Callable[[str, object], None],
) -> None:
    older = by_older(classifier, records)
    assert older, "the older classifier took none"
    assert len(older) < PICTURES, "the present classifier took none"
    for identifier, record in records.items():
        assert {key for key in LATER if record["image"].get(key)} == set(LATER), identifier
        assert bool(record["labels"]) == (identifier not in older)
        assert record["analysis"]["tags"]
    record_property(
        "measured",
        f"{PICTURES} pictures, an older and the present version side by side: {len(older)} classified by the older "
        f"classifier, {PICTURES - len(older)} by the present one",
    )


def test_both_queries_read_the_records_and_events_of_both(
    stack: RunningStack, query: OlderService, records: dict[str, dict[str, Any]]
) -> None:
    for identifier, record in records.items():
        seen = get(query.url, identifier)
        assert {key: seen[key] for key in KNOWN} == {key: record[key] for key in KNOWN}
        # It passes on what it does not know.
        assert seen["image"] == record["image"]

    # They share one subscription, as two replicas do: each has the pictures whose events it was given.
    until_sync(
        lambda: set(found_by(query.url)) | set(found_by(stack.url("query"))) == set(records),
        30,
        "all are in an index",
    )
    assert found_by(query.url)
    assert found_by(stack.url("query"))
    assert query.deliveries("image-classified", "indexed") + query.deliveries("image-classified", "known")
    assert query.deliveries("image-classified", "not-ours") == 0


def test_a_review_a_deletion_and_a_rebuilt_index_are_the_same_for_both(
    stack: RunningStack, classifier: OlderService, query: OlderService, records: dict[str, dict[str, Any]]
) -> None:
    ingest = stack.url("ingest")
    older = by_older(classifier, records)
    gone, *_ = sorted(set(records) - older)
    reviewed, *_ = sorted(older)
    review = httpx.put(f"{ingest}/v1/images/{reviewed}/review", json={"labels": ["dent"]}, timeout=20)
    review.raise_for_status()
    httpx.delete(f"{ingest}/v1/images/{gone}", timeout=20).raise_for_status()

    for url in (query.url, stack.url("query")):
        assert get(url, reviewed)["review"]["labels"] == ["dent"]
        assert httpx.get(f"{url}/v1/images/{gone}", timeout=20).status_code == 404
        httpx.post(f"{url}/v1/index/rebuild", timeout=20).raise_for_status()
        until_sync(lambda url=url: set(found_by(url)) == set(records) - {gone}, 30, f"{url} has them all")  # type: ignore[misc]


def found_by(query_url: str) -> list[str]:
    return listed(query_url, claim_id=CLAIM)
