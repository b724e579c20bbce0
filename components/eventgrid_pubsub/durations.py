"""Durations as people write them in Dapr's component files."""

import re

_GO = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|h|m|s))+")
_GO_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|h|m|s)")
_ISO = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?", re.IGNORECASE)
_UNIT_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


def seconds(text: str) -> float:
    """Seconds of a Go duration (``1m30s``, ``500ms``), an ISO 8601 one (``PT90S``) or a plain number of seconds.

    Raises ValueError for anything else.
    """
    text = text.strip()
    if _GO.fullmatch(text):
        return sum(float(number) * _UNIT_S[unit] for number, unit in _GO_PART.findall(text))
    iso = _ISO.fullmatch(text)
    if iso and any(iso.groups()):
        days, hours, minutes, secs = (float(part or 0) for part in iso.groups())
        return days * 86_400 + hours * 3600 + minutes * 60 + secs
    if re.fullmatch(r"\d+(?:\.\d+)?", text):
        return float(text)
    raise ValueError(f"not a duration: {text!r}")


def readable(value_s: float) -> str:
    """``90.0`` as ``1m30s``, for messages."""
    if value_s < 1:
        return f"{round(value_s * 1000)}ms"
    minutes, rest = divmod(value_s, 60)
    tail = f"{rest:g}s" if rest or not minutes else ""
    return (f"{int(minutes)}m" if minutes else "") + tail
