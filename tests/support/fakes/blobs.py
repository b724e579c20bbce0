"""A blob container in memory: what ``services.platform.dapr.blobs.BlobBinding`` does with a real one."""

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
        self.faults.before("put")
        self.stored[blob] = Blob(bytes(content), content_type)
        self.faults.after("put")

    async def get(self, blob: str) -> bytes | None:
        self.faults.before("get")
        found = self.stored.get(blob)
        self.faults.after("get")
        return found.content if found else None

    async def exists(self, blob: str) -> bool:
        self.faults.before("exists")
        found = blob in self.stored
        self.faults.after("exists")
        return found

    async def delete(self, blob: str) -> None:
        self.faults.before("delete")
        self.stored.pop(blob, None)
        self.faults.after("delete")

    async def presign(self, blob: str, ttl_s: int) -> str:
        self.faults.before("presign")
        self.faults.after("presign")
        return f"http://blobs.test/images/{blob}?ttl={ttl_s}"
