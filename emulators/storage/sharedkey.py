"""Shared Key signatures for the emulator's own requests to Azurite.

Source: "Authorize with Shared Key", REST reference of Azure Storage.
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import format_datetime
from urllib.parse import parse_qsl

VERSION = "2021-12-02"


def signed_headers(
    method: str, target: str, account: str, key: str, now: datetime | None = None
) -> Mapping[str, str]:
    """Headers that authorize a request without a body.

    ``target`` is the path as sent (with the account in front, as on an emulator) and its query.
    """
    date = format_datetime(now or datetime.now(UTC), usegmt=True)
    path, _, query = target.partition("?")
    options = sorted((name.lower(), value) for name, value in parse_qsl(query, keep_blank_values=True))
    resource = f"/{account}{path}" + "".join(f"\n{name}:{value}" for name, value in options)
    # Eleven standard headers (Content-MD5, Date, Range, …) stand between the method and the x-ms- ones: all empty.
    text = f"{method}\n" + "\n" * 11 + f"x-ms-date:{date}\nx-ms-version:{VERSION}\n{resource}"
    digest = hmac.new(base64.b64decode(key), text.encode(), hashlib.sha256).digest()
    return {
        "x-ms-date": date,
        "x-ms-version": VERSION,
        "Authorization": f"SharedKey {account}:{base64.b64encode(digest).decode()}",
    }
