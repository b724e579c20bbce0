"""The database and the container in a Cosmos DB emulator, made by plain REST calls. Standard library alone.

On Azure they are Bicep's. The key is the one that Microsoft publishes for its emulator; others take any.
Signature: learn.microsoft.com/rest/api/cosmos-db/access-control-on-cosmosdb-resources.
"""

import base64
import hashlib
import hmac
import json
import urllib.error
import urllib.parse
import urllib.request
from email.utils import formatdate
from typing import Any

from tools.compose import CosmosError

PUBLIC_KEY = "C2y6yDjf5/R+ob0N8A7Cgv30VRDJIWEHLM+4QDU5DE2nQ9nDuVTqobD4b8mGGyPMbIZnqyMsEcaGQy67XIw/Jw=="
DATABASE = "claimlens"
COLLECTION = "records"
PARTITION_KEY = "/partitionKey"
"""What Dapr writes; the container must be partitioned by it."""

API_VERSION = "2018-12-31"
TIMEOUT_S = 10.0
_CREATED, _ALREADY_THERE = 201, 409


def make_container(url: str) -> None:
    """Make both if they are absent. Raises CosmosError, OSError while nobody answers."""
    _make(url, "dbs", "", {"id": DATABASE})
    body = {"id": COLLECTION, "partitionKey": {"paths": [PARTITION_KEY], "kind": "Hash"}, "defaultTtl": -1}
    _make(url, "colls", f"dbs/{DATABASE}", body)


def _make(url: str, kind: str, parent: str, body: dict[str, Any]) -> None:
    date = formatdate(usegmt=True)
    path = "/".join(part for part in (parent, kind) if part)
    request = urllib.request.Request(  # noqa: S310 - the caller's emulator
        f"{url.rstrip('/')}/{path}",
        data=json.dumps(body).encode(),
        headers={
            "Authorization": _signature("post", kind, parent, date),
            "Content-Type": "application/json",
            "x-ms-date": date,
            "x-ms-version": API_VERSION,
        },
    )
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310
            status, text = answer.status, ""
    except urllib.error.HTTPError as error:
        status, text = error.code, error.read().decode(errors="replace")
    if status not in (_CREATED, _ALREADY_THERE):
        raise CosmosError(f"POST {path}: {status} {text[:500]}")


def _signature(verb: str, kind: str, parent: str, date: str) -> str:
    text = f"{verb}\n{kind}\n{parent}\n{date.lower()}\n\n"
    digest = hmac.new(base64.b64decode(PUBLIC_KEY), text.encode(), hashlib.sha256).digest()
    return urllib.parse.quote(f"type=master&ver=1.0&sig={base64.b64encode(digest).decode()}", safe="")
