"""Catalogue from the blob binding's listing."""

import json
from collections.abc import AsyncIterator
from typing import Final

from services.contracts.identity import image_id_of_blob
from services.platform.dapr.sidecar import Sidecar

PAGE_SIZE: Final = 1000

# What a name that identity.blob_name makes can go on with: a claim id, a slash, 32 hex digits, a dot and an extension.
# Originals of converted pictures are in a folder that begins otherwise.
_FIRST: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_IN_CLAIM: Final = f"{_FIRST}._-/"
_IN_ID: Final = "0123456789abcdef."


class BlobCatalogue:
    """Every id for which a blob exists. Raises SidecarUnavailable.

    The binding answers one page and cannot go on from it: the marker that it gives back is the one it was asked with
    (components-contrib 1.18.3 returns ``Marker``, not ``NextMarker``). So a full page is asked for again in parts, by
    each character that a name can go on with.
    """

    def __init__(self, sidecar: Sidecar, binding: str, page_size: int = PAGE_SIZE) -> None:
        self._sidecar = sidecar
        self._binding = binding
        self._page_size = page_size

    async def ids(self) -> AsyncIterator[str]:
        prefixes = [""]
        while prefixes:
            prefix = prefixes.pop()
            names = await self._list(prefix)
            if len(names) >= self._page_size:
                characters = _IN_ID if "/" in prefix else _IN_CLAIM if prefix else _FIRST
                prefixes += [prefix + character for character in reversed(characters)]
                continue
            for name in names:
                if image_id := image_id_of_blob(name):
                    yield image_id

    async def _list(self, prefix: str) -> list[str]:
        query = json.dumps({"prefix": prefix, "maxResults": self._page_size})
        async with self._sidecar.calling(f"listing blobs {prefix!r}") as client:
            response = await client.invoke_binding(self._binding, "list", query)
        return [entry["Name"] for entry in json.loads(response.data or b"null") or []]
