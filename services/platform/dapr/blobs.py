"""Blobs through the Dapr binding ``bindings.azure.blobstorage``, over gRPC: raw bytes, no base64."""

import json

import grpc

from services.platform.dapr.sidecar import Sidecar
from services.platform.errors import SidecarUnavailable


class BlobBinding:
    """One container. Raises SidecarUnavailable."""

    def __init__(self, sidecar: Sidecar, name: str) -> None:
        self._sidecar = sidecar
        self._name = name

    async def put(self, blob: str, content: bytes, content_type: str) -> None:
        """Write the whole blob, replacing one of that name."""
        metadata = {"blobName": blob, "contentType": content_type}
        async with self._sidecar.calling(f"storing {blob}") as client:
            await client.invoke_binding(self._name, "create", content, metadata)

    async def get(self, blob: str) -> bytes | None:
        """The bytes, or None if there is no such blob."""
        try:
            async with self._sidecar.calling(f"reading {blob}") as client:
                response = await client.invoke_binding(self._name, "get", b"", {"blobName": blob})
        except SidecarUnavailable as error:
            if _is_missing(error):
                return None
            raise
        return bytes(response.data)

    async def exists(self, blob: str) -> bool:
        """Whether a blob of exactly this name is there."""
        return await self.etag(blob) is not None

    async def etag(self, blob: str) -> str | None:
        """The ETag of the blob of exactly this name, without quotes; None if there is none."""
        query = json.dumps({"prefix": blob, "maxResults": 1})
        async with self._sidecar.calling(f"looking for {blob}") as client:
            response = await client.invoke_binding(self._name, "list", query)
        for entry in json.loads(response.data or b"null") or []:
            if entry.get("Name") == blob:
                return str(entry["Properties"]["ETag"]).strip('"')
        return None

    async def delete(self, blob: str) -> None:
        """Remove the blob; nothing happens if there is none."""
        # Without this option the binding sends its header empty, and storage answers 400.
        metadata = {"blobName": blob, "deleteSnapshots": "include"}
        try:
            async with self._sidecar.calling(f"deleting {blob}") as client:
                await client.invoke_binding(self._name, "delete", b"", metadata)
        except SidecarUnavailable as error:
            if not _is_missing(error):
                raise

    async def presign(self, blob: str, ttl_s: int) -> str:
        """A link that reads the blob for ``ttl_s`` seconds. Needs an account key behind the binding, and Dapr 1.18."""
        metadata = {"blobName": blob, "signTTL": f"{ttl_s}s"}
        async with self._sidecar.calling(f"signing {blob}") as client:
            response = await client.invoke_binding(self._name, "presign", b"", metadata)
        return str(json.loads(response.data)["presignURL"])


def _is_missing(error: SidecarUnavailable) -> bool:
    cause = error.__cause__
    text = str(cause.details() if isinstance(cause, grpc.aio.AioRpcError) else cause)
    return "BlobNotFound" in text or "blob not found" in text
