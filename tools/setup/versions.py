"""Versions of programs: read from what they print, compared with what is needed."""

import re

Version = tuple[int, int, int]
_NUMBER = re.compile(r"(?<![\w.])v?(\d+)\.(\d+)(?:\.(\d+))?(-?(?:rc|alpha|beta)[\w.-]*)?")


def parse(text: str) -> Version | None:
    """The first version in ``text`` (``1.18.2``, ``go1.26.6``, ``v20.20.2``), None where there is none.

    A pre-release counts as none: it is older than the release whose number it bears.
    """
    found = _NUMBER.search(text.replace("go1.", "1."))
    if not found or found[4]:
        return None
    return int(found[1]), int(found[2]), int(found[3] or 0)


def at_least(found: str, minimum: str) -> bool:
    """Whether the version in ``found`` is ``minimum`` or newer. False where ``found`` holds no version (``edge``)."""
    have, need = parse(found), parse(minimum)
    if need is None:
        raise ValueError(f"no version: {minimum!r}")
    return have is not None and have >= need
