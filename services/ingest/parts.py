"""The parts that a picture's file is made of, counted before anybody decodes it: files that are all work are refused.

A decoder goes over the whole picture for every scan of a JPEG, and over every segment and chunk one by one: a file of
some megabytes can take it hours.
"""

import re
from typing import Final

from services.ingest.formats import GIF, JPEG, PNG, TIFF, Format, gif_pictures

MAX_SCANS: Final = 64
"""Of a JPEG; encoders make about ten."""

MAX_PARTS: Final = 50_000
"""Segments of a JPEG, chunks of a PNG; a 20 MB picture has some thousand."""

MAX_FRAMES: Final = 10_000
"""Counting ends there."""

_SOS, _EOI = 0xDA, 0xD9
# Not: stuffed bytes, fillers, restarts, and the one that stands alone.
_MARKER: Final = re.compile(rb"\xff([^\x00\x01\xff\xd0-\xd7])", re.DOTALL)


def work_fault(content: bytes, kind: Format) -> str | None:
    """What makes the file more work than any picture is; None if nothing does."""
    if kind is JPEG:
        segments, scans = _jpeg_parts(content)
        if scans > MAX_SCANS:
            return f"The JPEG has more than {MAX_SCANS} scans."
        return f"The JPEG has more than {MAX_PARTS} segments." if segments > MAX_PARTS else None
    if kind is PNG and _png_chunks(content) > MAX_PARTS:
        return f"The PNG has more than {MAX_PARTS} chunks."
    return None


def frame_count(content: bytes, kind: Format) -> int | None:
    """Pictures of a GIF, pages of a TIFF, at most MAX_FRAMES; None for formats that say it in their header."""
    if kind is GIF:
        return max(1, sum(1 for _ in zip(range(MAX_FRAMES), gif_pictures(content), strict=False)))
    return _tiff_pages(content) if kind is TIFF else None


def _jpeg_parts(content: bytes) -> tuple[int, int]:
    """Segments and scans of the first picture; of a file that is more work than it may be, no more than show that."""
    segments = scans = 0
    position = 2
    while found := _MARKER.search(content, position):
        marker = found[1][0]
        if marker == _EOI:
            break
        segments += 1
        scans += marker == _SOS
        if segments > MAX_PARTS or scans > MAX_SCANS:
            break
        position = found.end() + int.from_bytes(content[found.end() : found.end() + 2])
    return segments, scans


def _png_chunks(content: bytes) -> int:
    count, position = 0, 8
    while position < len(content) and count <= MAX_PARTS:
        count += 1
        position += 12 + int.from_bytes(content[position : position + 4])
    return count


def _tiff_pages(content: bytes) -> int:
    order = "little" if content[:2] == b"II" else "big"

    def number(start: int, size: int) -> int:
        return int.from_bytes(content[start : start + size], order)  # type: ignore[arg-type]

    seen: set[int] = set()
    position = number(4, 4)
    # A directory may point back to one before it.
    while 8 <= position < len(content) and position not in seen and len(seen) < MAX_FRAMES:
        seen.add(position)
        position = number(position + 2 + 12 * number(position, 2), 4)
    return max(1, len(seen))
