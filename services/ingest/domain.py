"""The rules of an upload, pure."""

import json
from typing import Any, Final

MIN_SIDE: Final = 50
MAX_SIDE: Final = 16_000
"""Azure AI Vision's limits of a picture's sides, pixels."""

MAX_METADATA_PAIRS: Final = 16
MAX_METADATA_KEY: Final = 64
MAX_METADATA_VALUE: Final = 512
SIDEWAYS: Final = frozenset({5, 6, 7, 8})
"""EXIF orientations that lay the picture on its side."""


def upright(width: int, height: int, orientation: int) -> tuple[int, int]:
    """Width and height as seen, from those of the stored pixels and the EXIF orientation (1..8)."""
    return (height, width) if orientation in SIDEWAYS else (width, height)


def size_fault(width: int, height: int) -> str | None:
    """What is wrong with these sides, in pixels; None if nothing is."""
    if min(width, height) >= MIN_SIDE and max(width, height) <= MAX_SIDE:
        return None
    return f"The picture is {width} x {height} pixels; each side must have {MIN_SIDE} to {MAX_SIDE}."


def metadata_of(text: str) -> dict[str, str]:
    """The client's metadata from its JSON text; blank text is none. Raises ValueError, saying what is wrong."""
    if not text.strip():
        return {}
    try:
        given: Any = json.loads(text)
    except ValueError as error:
        raise ValueError(f"metadata is not JSON: {error}") from error
    except RecursionError as error:
        raise ValueError("metadata is nested too deeply") from error
    if not isinstance(given, dict):
        raise ValueError(f"metadata must be a JSON object, not {type(given).__name__}")
    if len(given) > MAX_METADATA_PAIRS:
        raise ValueError(f"metadata has {len(given)} pairs; at most {MAX_METADATA_PAIRS} are kept")
    for key, value in given.items():
        if not 1 <= len(key) <= MAX_METADATA_KEY:
            raise ValueError(f"metadata keys have 1 to {MAX_METADATA_KEY} characters: {key[:80]!r}")
        if not isinstance(value, str):
            raise ValueError(f"metadata values are strings: that of {key!r} is {type(value).__name__}")
        if len(value) > MAX_METADATA_VALUE:
            raise ValueError(f"metadata values have at most {MAX_METADATA_VALUE} characters: that of {key!r}")
        if not (_storable(key) and _storable(value)):
            raise ValueError("metadata holds half a character (a lone surrogate), which cannot be stored")
    return given


def _storable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
