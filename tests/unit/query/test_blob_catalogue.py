"""Listing blobs through a binding that answers one page only."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from services.contracts.identity import blob_name, original_name
from services.query.adapters.blob_catalogue import BlobCatalogue
from tests.support.records import received


@dataclass
class Response:
    data: bytes


@dataclass
class Binding:
    """The list operation of bindings.azure.blobstorage 1.18."""

    names: list[str]
    asked: list[str] = field(default_factory=list)

    async def invoke_binding(self, name: str, operation: str, data: str) -> Response:
        assert (name, operation) == ("images", "list")
        query = json.loads(data)
        self.asked.append(query["prefix"])
        found = [name for name in sorted(self.names) if name.startswith(query["prefix"])]
        return Response(
            json.dumps([{"Name": name} for name in found[: query["maxResults"]]] or None).encode()
        )

    @asynccontextmanager
    async def calling(self, what: str) -> AsyncIterator[Any]:
        yield self


async def listed(names: list[str], page_size: int) -> tuple[list[str], Binding]:
    binding = Binding(names)
    catalogue = BlobCatalogue(binding, "images", page_size)  # type: ignore[arg-type]
    return [identifier async for identifier in catalogue.ids()], binding


async def test_every_picture_once_however_small_the_pages() -> None:
    claims = [None, "C-1", "C-10", "C-1042", "c_x.y", "unclaimed.2", "Z"]
    ids = [received(number).id for number in range(300)]
    names = [blob_name(claims[number % 7], ids[number], "jpg") for number in range(300)]
    for page_size in (2, 10, 299, 300, 301, 1000):
        found, _ = await listed(names, page_size)
        assert sorted(found) == sorted(ids), page_size


async def test_originals_are_passed_over() -> None:
    ids = [received(number).id for number in range(50)]
    names = [
        name for each in ids for name in (blob_name("C-1", each, "jpg"), original_name("C-1", each, "heic"))
    ]
    for page_size in (10, 1000):
        found, binding = await listed(names, page_size)
        assert sorted(found) == sorted(ids)
        assert not [prefix for prefix in binding.asked if prefix.startswith("_")]


async def test_one_call_where_one_page_is_enough() -> None:
    _, binding = await listed([blob_name(None, received(1).id, "png")], 1000)
    assert binding.asked == [""]


async def test_an_empty_container_and_strangers() -> None:
    assert (await listed([], 10))[0] == []
    assert (await listed(["readme.txt", "logs/x.jpg"], 10))[0] == []
