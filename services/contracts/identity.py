"""The id of a picture and the name of its blob: each can be had from the other."""

import hashlib
import re
from typing import Final

UNCLAIMED: Final = "unclaimed"
CLAIM_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
IMAGE_ID: Final = re.compile(r"[0-9a-f]{32}")

ORIGINALS: Final = "_originals"
"""A folder whose name can be no claim's."""

_PICTURE: Final = re.compile(rf"{CLAIM_ID.pattern}/({IMAGE_ID.pattern})\.[a-z0-9]{{1,8}}")


def image_id(claim_id: str | None, sha256: str) -> str:
    """32 hex digits, the same for the same bytes in the same claim.

    ``sha256`` is the hex digest of the picture's bytes. A claim id holds no line break, so the
    joined text is unambiguous.
    """
    return hashlib.sha256(f"{claim_id or ''}\n{sha256}".encode()).hexdigest()[:32]


def blob_name(claim_id: str | None, identifier: str, extension: str) -> str:
    """``{claim_id}/{id}.{extension}``, with ``unclaimed`` for pictures without a claim."""
    return f"{claim_id or UNCLAIMED}/{identifier}.{extension}"


def original_name(claim_id: str | None, identifier: str, extension: str) -> str:
    """Where the file is kept that was sent, if the picture had to be converted. No claim's pictures are there."""
    return f"{ORIGINALS}/{blob_name(claim_id, identifier, extension)}"


def image_id_of_blob(name: str) -> str | None:
    """The image id in a blob name that ``blob_name`` made; None for a blob that is none of the pictures."""
    found = _PICTURE.fullmatch(name)
    return found[1] if found else None
