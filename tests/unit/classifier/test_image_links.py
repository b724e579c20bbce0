"""The ways in which an engine gets at a blob."""

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from azure.core.exceptions import ClientAuthenticationError
from azure.storage.blob import UserDelegationKey

from services.classifier.adapters.image_link_bytes import BytesThroughDapr
from services.classifier.adapters.image_link_presign import PresignedLink
from services.classifier.adapters.image_link_user_delegation import UserDelegationLink
from services.classifier.errors import LinkUnavailable
from services.classifier.ports import ImageBytes, ImageUrl
from services.platform.errors import Unavailable
from tests.support.fakes.blobs import FakeBlobs

BLOB = "C-1/ab cd.jpg"


async def test_presigned() -> None:
    blobs = FakeBlobs()
    link = PresignedLink(blobs, ttl_s=300)
    assert await link.of(BLOB) == ImageUrl(f"http://blobs.test/images/{BLOB}?ttl=300")
    blobs.faults.down = True
    with pytest.raises(Unavailable):
        await link.of(BLOB)


async def test_bytes() -> None:
    blobs = FakeBlobs()
    await blobs.put(BLOB, b"picture", "image/jpeg")
    link = BytesThroughDapr(blobs)
    assert await link.of(BLOB) == ImageBytes(b"picture")
    with pytest.raises(LinkUnavailable):
        await link.of("C-1/gone.jpg")


class KeyServer:
    """Hands out user delegation keys, as Azure Storage does."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 22, 12, tzinfo=UTC)
        self.asked: list[tuple[datetime, datetime]] = []
        self.error: Exception | None = None

    async def key(self, start: datetime, expiry: datetime) -> UserDelegationKey:
        if self.error:
            raise self.error
        self.asked.append((start, expiry))
        key = UserDelegationKey()  # type: ignore[no-untyped-call]
        key.signed_oid = "oid"
        key.signed_tid = "tid"
        key.signed_start = f"{start:%Y-%m-%dT%H:%M:%SZ}"
        key.signed_expiry = f"{expiry:%Y-%m-%dT%H:%M:%SZ}"
        key.signed_service = "b"
        key.signed_version = "2023-11-03"
        key.value = "a2V5"
        return key

    def link(self) -> UserDelegationLink:
        return UserDelegationLink(
            self.key,
            account_url="https://account.blob.core.windows.net/",
            container="images",
            ttl_s=300,
            timeout_s=1,
            clock=lambda: self.now,
        )


async def test_user_delegation_signs_a_read_of_this_blob_only_for_a_while() -> None:
    server = KeyServer()
    found = await server.link().of(BLOB)
    url = urlsplit(found.url)
    assert (url.scheme, url.netloc) == ("https", "account.blob.core.windows.net")
    assert url.path == "/images/C-1/ab%20cd.jpg"
    query = {key: values[0] for key, values in parse_qs(url.query).items()}
    assert (query["sp"], query["sr"], query["skoid"]) == ("r", "b", "oid")
    assert query["st"] == "2026-11-22T11:55:00Z"
    assert query["se"] == "2026-11-22T12:05:00Z"


async def test_one_key_signs_many_links_until_it_is_nearly_old() -> None:
    server = KeyServer()
    link = server.link()
    for minutes in (0, 60, 300):
        server.now = server.asked[0][0] + timedelta(minutes=minutes) if server.asked else server.now
        await link.of(BLOB)
    assert len(server.asked) == 1
    server.now = server.asked[0][1] - timedelta(seconds=299)
    await link.of(BLOB)
    assert len(server.asked) == 2


async def test_no_key_is_passing_trouble() -> None:
    server = KeyServer()
    link = server.link()
    server.error = ClientAuthenticationError("This request is not authorized\nRequestId: 1")
    with pytest.raises(LinkUnavailable, match=r"not authorized$"):
        await link.of(BLOB)
    server.error = None
    assert (await link.of(BLOB)).url
