"""Which pictures look alike: by their perceptual hashes, and by their bytes. Pure.

A hash is 64 bits in four bands of 16. Of two hashes that differ in d bits, one band differs in d/4 at most: so the
bands that near pictures can have are few, and an index finds them without going through all pictures.
"""

import re
from dataclasses import dataclass
from itertools import combinations
from typing import Final

from services.contracts.records import ImageRecord

MAX_DISTANCE: Final = 8
"""Bits of 64; different pictures have about 32, and rarely less than 16."""

_PHASH: Final = re.compile(r"[0-9a-f]{16}")

BANDS: Final = 4
BAND_BITS: Final = 16


@dataclass(frozen=True)
class Likeness:
    """``sha256``: of the bytes as they were sent. ``phash``: 16 hex digits, or None where there is nothing to see."""

    id: str
    sha256: str
    phash: str | None


@dataclass(frozen=True)
class Alike:
    """A picture that looks like another. ``record`` is JSON text; ``distance`` is 0 for the same bytes."""

    distance: int
    record: str


def likeness_of(record: ImageRecord) -> Likeness:
    image = record.image
    phash = image.phash if image.phash and _PHASH.fullmatch(image.phash) else None
    return Likeness(record.id, (image.original or image).sha256, phash)


def distance(one: str, other: str) -> int:
    """Bits in which two hashes differ."""
    return (int(one, 16) ^ int(other, 16)).bit_count()


def apart(one: Likeness, sha256: str, phash: str | None) -> int | None:
    """How far a picture with this digest and hash is from ``one``; None if that cannot be said."""
    if one.sha256 == sha256:
        return 0
    return distance(one.phash, phash) if one.phash and phash else None


def bands(phash: str) -> list[int]:
    """The four bands, each with its number in front: a band's value is looked for in its own place only."""
    value = int(phash, 16)
    return [number << BAND_BITS | value >> number * BAND_BITS & 0xFFFF for number in range(BANDS)]


def near_bands(phash: str, max_distance: int) -> list[int]:
    """Every band of which a hash within ``max_distance`` must have one: 548 for 8."""
    masks = [
        sum(1 << bit for bit in bits)
        for count in range(max_distance // BANDS + 1)
        for bits in combinations(range(BAND_BITS), count)
    ]
    return [band ^ mask for band in bands(phash) for mask in masks]
