"""Names that programs agree on."""

import pytest

from services.contracts.names import AppId, Component, Topic, lanes, record_key


def test_names_are_those_of_the_documents() -> None:
    assert {*AppId} == {"ingest", "classifier", "query"}
    assert {*Component} == {"images", "image-events", "image-records", "secrets"}
    assert {*Topic} == {"blob-created", "blob-created-dead", "image-classified"}
    assert record_key("abc") == "image-abc"


def test_lanes() -> None:
    assert lanes(Topic.BLOB_CREATED, 1) == ["blob-created"]
    assert lanes(Topic.BLOB_CREATED, 3) == ["blob-created", "blob-created#1", "blob-created#2"]
    assert {type(lane) for lane in lanes(Topic.BLOB_CREATED, 2)} == {str}


@pytest.mark.parametrize("count", [0, -1])
def test_no_lanes(count: int) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        lanes(Topic.BLOB_CREATED, count)
