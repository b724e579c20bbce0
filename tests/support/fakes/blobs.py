"""A blob container in memory: what ``services.platform.dapr.blobs.BlobBinding`` does with a real one."""

import hashlib
from dataclasses import dataclass

from tests.support.fakes.faults import Faults


@dataclass(frozen=True)
class Blob:
    content: bytes
    content_type: str


class FakeBlobs:
    """``stored`` maps names to blobs, for tests to look into and to fill."""

    def __init__(self) -> None:
        self.faults = Faults()
        self.stored: dict[str, Blob] = {}

    async def put(self, blob: str, content: bytes, content_type: str) -> None:
        async with self.faults.call("put"):
            self.stored[blob] = Blob(bytes(content), content_type)

    async def get(self, blob: str) -> bytes | None:
        async with self.faults.call("get"):
            found = self.stored.get(blob)
        return found.content if found else None

    async def exists(self, blob: str) -> bool:
        async with self.faults.call("exists"):
            return blob in self.stored

    async def etag(self, blob: str) -> str | None:
        async with self.faults.call("etag"):
            found = self.stored.get(blob)
        return f"0x{hashlib.sha256(found.content).hexdigest()[:16].upper()}" if found else None

    async def delete(self, blob: str) -> None:
        async with self.faults.call("delete"):
            self.stored.pop(blob, None)

    async def presign(self, blob: str, ttl_s: int) -> str:
        async with self.faults.call("presign"):
            pass
        return f"http://blobs.test/images/{blob}?ttl={ttl_s}"
