"""Which requests make a blob, and which blob. Pure rules of the Blob service's REST interface.

Source: the REST reference of Put Blob, Put Block List and Copy Blob; Azurite's
``extractStoragePartsFromPath`` for where account, container and name stand in an address.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, quote, unquote

_IPV4 = re.compile(r"(?:[0-9]{1,3}\.){3}[0-9]{1,3}")
_NO_ACCOUNT_HOSTS = frozenset({"host.docker.internal"})
_SECONDARY = "-secondary"


@dataclass(frozen=True, slots=True)
class Blob:
    """A blob's place: container and name (decoded; may contain ``/``)."""

    container: str
    name: str

    @property
    def path(self) -> str:
        """``container/name``, percent-encoded for an address."""
        return f"{quote(self.container)}/{quote(self.name, safe='/~')}"


@dataclass(frozen=True, slots=True)
class BlobWrite:
    """A request that creates or replaces ``blob``; ``api`` is Event Grid's name of the operation."""

    api: str
    blob: Blob


def blob_at(path: str, host: str, account: str) -> Blob | None:
    """The blob that a request's raw path and Host header name, if it is one of ``account``.

    The account is the first part of the path, or of the host (``devstoreaccount1.blob.localhost``).
    """
    parts = unquote(path.split("?", 1)[0]).removeprefix("/").split("/")
    hostname = host.rsplit(":", 1)[0].lower()
    if "." in hostname and not _IPV4.fullmatch(hostname) and hostname not in _NO_ACCOUNT_HOSTS:
        owner = hostname.split(".", 1)[0]
    else:
        owner = parts.pop(0)
    if owner.removesuffix(_SECONDARY) != account or len(parts) < 2:
        return None
    name = "/".join(parts[1:]).replace("\\", "/")
    return Blob(parts[0], name) if parts[0] and name else None


def blob_write(method: str, target: str, headers: Mapping[str, str], account: str) -> BlobWrite | None:
    """The write that a request asks for; None for everything that raises no BlobCreated.

    ``target`` is the raw path with its query; ``headers`` must ignore case. Blocks, pages and appended blocks raise
    nothing before they are committed or at all; ``$logs`` and other ``$`` containers but ``$root`` never do.
    """
    if method != "PUT":
        return None
    path, _, query = target.partition("?")
    options = dict(parse_qsl(query, keep_blank_values=True))
    if "restype" in options:
        return None
    match options.get("comp"):
        case None if "x-ms-blob-type" in headers:  # Put Blob From URL too: it has both headers
            api = "PutBlob"
        case None if "x-ms-copy-source" in headers:
            api = "CopyBlob"
        case "blocklist":
            api = "PutBlockList"
        case _:
            return None
    blob = blob_at(path, headers.get("Host", ""), account)
    if blob is None or (blob.container.startswith("$") and blob.container != "$root"):
        return None
    return BlobWrite(api, blob)
