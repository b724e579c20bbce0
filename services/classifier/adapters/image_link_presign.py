"""A link signed by the Dapr binding: needs an account key behind it, and Dapr 1.18."""

from typing import Protocol

from services.classifier.ports import ImageUrl


class Signer(Protocol):
    """What it takes of services.platform.dapr.blobs.BlobBinding."""

    async def presign(self, blob: str, ttl_s: int) -> str: ...


class PresignedLink:
    def __init__(self, blobs: Signer, *, ttl_s: int) -> None:
        self._blobs = blobs
        self._ttl_s = ttl_s

    async def of(self, blob: str) -> ImageUrl:
        return ImageUrl(await self._blobs.presign(blob, self._ttl_s))
