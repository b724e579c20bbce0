"""What a camera wrote about its picture, made sure of: capture time, camera, place. Pure.

Tags and their shapes: Exif 3.0 (CIPA DC-008). Nothing of it can be trusted to be there, or to be what it should.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Final

from services.contracts.records import Gps

Tags = Mapping[int, Any]

EARLIEST: Final = datetime(1990, 1, 1, tzinfo=UTC)
"""Before it, a date is a clock's zero."""

MAX_NAME: Final = 64
"""Characters of the make, and of the model."""

_MAKE, _MODEL = 0x010F, 0x0110
# The moment of exposure, else that of digitising; each with its offset.
_TIMES: Final = ((0x9003, 0x9011), (0x9004, 0x9012))
_LATITUDE, _LONGITUDE = (1, 2, 90), (3, 4, 180)

_MOMENT: Final = re.compile(r"(\d{4})[:/-](\d\d)[:/-](\d\d)[ T](\d\d):(\d\d):(\d\d)")
_OFFSET: Final = re.compile(r"([+-])(\d\d):(\d\d)")


@dataclass(frozen=True)
class About:
    """As the fields of contracts.records.Image; all None where nothing credible is said."""

    taken_at: datetime | None = None
    taken_at_offset: str | None = None
    camera: str | None = None
    gps: Gps | None = None


def about(main: Tags, exif: Tags, gps: Tags, *, now: datetime, keep_gps: bool) -> About:
    """From the three directories of an Exif block: the main one, Exif, GPS. ``now`` is aware."""
    taken_at, offset = _taken(exif, now)
    return About(
        taken_at=taken_at,
        taken_at_offset=offset,
        camera=_camera(_text(main.get(_MAKE)), _text(main.get(_MODEL))),
        gps=_place(gps) if keep_gps else None,
    )


def _taken(exif: Tags, now: datetime) -> tuple[datetime | None, str | None]:
    for moment_tag, offset_tag in _TIMES:
        found = _MOMENT.match(_text(exif.get(moment_tag)))
        if not found:
            continue
        offset = _offset(_text(exif.get(offset_tag)))
        zone = timezone(offset[0]) if offset else UTC
        try:
            year, month, day, hour, minute, second = map(int, found.groups())
            moment = datetime(year, month, day, hour, minute, second, tzinfo=zone).astimezone(UTC)
        except (ValueError, OverflowError):
            continue
        if EARLIEST <= moment <= now + timedelta(days=1):
            return moment, offset[1] if offset else None
    return None, None


def _offset(text: str) -> tuple[timedelta, str] | None:
    found = _OFFSET.fullmatch("+00:00" if text == "Z" else text)
    if not found:
        return None
    sign, hours, minutes = found[1], int(found[2]), int(found[3])
    if hours > 14 or minutes > 59:
        return None
    amount = timedelta(hours=hours, minutes=minutes)
    return (-amount if sign == "-" else amount), found[0]


def _camera(make: str, model: str) -> str | None:
    # Many models have the make in front already: "Canon", "Canon EOS 5D".
    if make and model and make.split()[0].casefold() == model.split()[0].casefold():
        make = ""
    return f"{make[:MAX_NAME]} {model[:MAX_NAME]}".strip() or None


def _place(gps: Tags) -> Gps | None:
    lat = _degrees(gps, *_LATITUDE, negative="S")
    lon = _degrees(gps, *_LONGITUDE, negative="W")
    # Zero and zero is what a receiver writes that has no fix.
    if lat is None or lon is None or (lat == 0 and lon == 0):
        return None
    return Gps(lat=lat, lon=lon)


def _degrees(gps: Tags, reference: int, tag: int, limit: int, *, negative: str) -> float | None:
    """Decimal degrees, to about 10 cm."""
    try:
        parts = [float(part) for part in gps[tag]]
        degrees = sum(part / 60.0**place for place, part in enumerate(parts))
    except (KeyError, TypeError, ValueError, ArithmeticError):
        return None
    if len(parts) != 3 or not math.isfinite(degrees) or min(parts) < 0 or degrees > limit:
        return None
    return round(-degrees if _text(gps.get(reference)).upper() == negative else degrees, 6)


def _text(value: object) -> str:
    """Up to the first NUL, printable, blanks single."""
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if not isinstance(value, str):
        return ""
    text = "".join(sign if sign.isprintable() else " " for sign in value.partition("\0")[0])
    return " ".join(text[: 4 * MAX_NAME].split())
