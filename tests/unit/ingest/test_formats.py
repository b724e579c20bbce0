"""Formats told by their bytes, and whether a file is all there."""

import struct

import pytest

from services.ingest.formats import FORMATS, GIF, ICO, PNG, Format, is_complete, sniff
from tests.support.pictures import encoded


@pytest.mark.parametrize("kind", FORMATS, ids=lambda kind: kind.extension)
def test_pillows_files_are_told(kind: Format) -> None:
    content = encoded(kind.names[0])
    assert sniff(content) is kind
    assert is_complete(content, kind)


@pytest.mark.parametrize("kind", FORMATS, ids=lambda kind: kind.extension)
@pytest.mark.parametrize("length", range(24))
def test_beginnings_of_files_do_not_break_it(kind: Format, length: int) -> None:
    content = encoded(kind.names[0])[:length]
    told = sniff(content)
    assert told in (kind, None)
    is_complete(content, kind)


def test_big_endian_tiff() -> None:
    assert sniff(b"MM\0*\0\0\0\x08") is not None


@pytest.mark.parametrize("kind", [PNG, GIF], ids=["png", "gif"])
def test_every_cut_is_seen(kind: Format) -> None:
    content = encoded(kind.names[0], 60, 60)
    assert not any(is_complete(content[:length], kind) for length in range(len(content)))


@pytest.mark.parametrize("kind", [PNG, GIF], ids=["png", "gif"])
def test_what_follows_the_picture_does_not_matter(kind: Format) -> None:
    assert is_complete(encoded(kind.names[0]) + b"\n<trailing>", kind)


def test_icon_that_reaches_past_the_end() -> None:
    entry = struct.pack("<BBBBHHII", 64, 64, 0, 0, 1, 32, 1000, 22)
    assert not is_complete(struct.pack("<HHH", 0, 1, 1) + entry + b"\0" * 999, ICO)
    assert is_complete(struct.pack("<HHH", 0, 1, 1) + entry + b"\0" * 1000, ICO)
