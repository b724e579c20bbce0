"""Ids of pictures and names of their blobs."""

import hashlib

import pytest

from services.contracts.identity import (
    CLAIM_ID,
    IMAGE_ID,
    ORIGINALS,
    blob_name,
    image_id,
    image_id_of_blob,
    original_name,
)

DIGEST = hashlib.sha256(b"bytes").hexdigest()


def test_same_bytes_in_the_same_claim() -> None:
    assert image_id("C-1", DIGEST) == image_id("C-1", DIGEST)
    assert IMAGE_ID.fullmatch(image_id("C-1", DIGEST))


def test_it_stays_what_it_is() -> None:
    """Stored records and blobs are found by it."""
    assert image_id("C-1", DIGEST) == hashlib.sha256(f"C-1\n{DIGEST}".encode()).hexdigest()[:32]
    assert image_id(None, DIGEST) == hashlib.sha256(f"\n{DIGEST}".encode()).hexdigest()[:32]


def test_another_claim_or_other_bytes() -> None:
    other = hashlib.sha256(b"other").hexdigest()
    ids = {image_id(claim, digest) for claim in ("C-1", "C-2", None) for digest in (DIGEST, other)}
    assert len(ids) == 6


@pytest.mark.parametrize("claim_id", ["C-1", None, "a.b_c-d", "x" * 64])
def test_id_is_in_the_blobs_name(claim_id: str | None) -> None:
    identifier = image_id(claim_id, DIGEST)
    name = blob_name(claim_id, identifier, "jpg")
    assert name == f"{claim_id or 'unclaimed'}/{identifier}.jpg"
    assert image_id_of_blob(name) == identifier


@pytest.mark.parametrize("claim_id", ["C-1", None, "originals", "_originals"[1:]])
def test_an_original_is_none_of_the_pictures(claim_id: str | None) -> None:
    identifier = image_id(claim_id, DIGEST)
    name = original_name(claim_id, identifier, "heic")
    assert name == f"_originals/{claim_id or 'unclaimed'}/{identifier}.heic"
    assert image_id_of_blob(name) is None
    assert not CLAIM_ID.fullmatch(ORIGINALS)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "a/b.jpg",
        "a/" + "g" * 32 + ".jpg",
        "a/" + "A" * 32,
        "a/" + "a" * 33 + ".jpg",
        "/",
        "a" * 32 + ".jpg",
        "/" + "a" * 32 + ".jpg",
        "a/b/" + "a" * 32 + ".jpg",
        "_a/" + "a" * 32 + ".jpg",
        "a/" + "a" * 32,
        "a/" + "a" * 32 + ".tar.gz",
        "a/" + "a" * 32 + ".jpg\n",
    ],
)
def test_blob_that_is_not_ours(name: str) -> None:
    assert image_id_of_blob(name) is None


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("C-1042", True),
        ("a", True),
        ("x" * 64, True),
        ("x" * 65, False),
        (".a", False),
        ("-", False),
        ("a/b", False),
        ("a\n", False),
        ("", False),
        ("é", False),
    ],
)
def test_claim_ids(text: str, good: bool) -> None:
    assert bool(CLAIM_ID.fullmatch(text)) is good
