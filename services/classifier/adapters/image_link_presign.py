"""A link signed by the Dapr binding: needs an account key behind it, and Dapr 1.18."""

from services.classifier.ports import ImageUrl
from services.platform.dapr.blobs import BlobBinding


class PresignedLink:
    def __init__(self, blobs: BlobBinding, *, ttl_s: int) -> None:
        self._blobs = blobs
        self._ttl_s = ttl_s

    async def of(self, blob: str) -> ImageUrl:
        return ImageUrl(await self._blobs.presign(blob, self._ttl_s))
