"""The BlobCreated event, as Event Grid's system topic sends it (CloudEvents 1.0)."""

import secrets
import time
from dataclasses import dataclass
from typing import Any

from emulators.storage.blobs import BlobWrite

TYPE = "Microsoft.Storage.BlobCreated"


@dataclass(frozen=True, slots=True)
class BlobState:
    """What storage says about a blob: ``etag`` without quotes, ``size`` in bytes, ``request_id`` of the answer."""

    etag: str
    content_type: str
    size: int
    blob_type: str
    request_id: str


def event_time(nanoseconds: int) -> str:
    """UTC with seven fractional digits, as .NET writes it."""
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{rest // 100:07d}Z"


def blob_created(
    write: BlobWrite,
    state: BlobState,
    *,
    source: str,
    endpoint: str,
    sequencer: int,
    client_request_id: str | None = None,
) -> dict[str, Any]:
    """One CloudEvent. Its id differs from ``data.requestId`` in the last six digits only, as in Azure."""
    data: dict[str, Any] = {
        "api": write.api,
        **({"clientRequestId": client_request_id} if client_request_id else {}),
        "requestId": state.request_id,
        "eTag": state.etag,
        "contentType": state.content_type,
        "contentLength": state.size,
        "blobType": state.blob_type,
        "url": f"{endpoint}/{write.blob.path}",
        "sequencer": f"{sequencer:048x}",
        "storageDiagnostics": {"batchId": f"{state.request_id[:-6]}{secrets.token_hex(3)}"},
    }
    return {
        "specversion": "1.0",
        "type": TYPE,
        "source": source,
        "subject": f"/blobServices/default/containers/{write.blob.container}/blobs/{write.blob.name}",
        "id": f"{state.request_id[:-6]}{secrets.token_hex(3)}",
        "time": event_time(time.time_ns()),
        "data": data,
    }
