"""Which requests make a blob, and which blob."""

import pytest
from multidict import CIMultiDict

from emulators.storage.blobs import Blob, BlobWrite, blob_at, blob_write

ACCOUNT = "devstoreaccount1"
BLOCK = {"X-Ms-Blob-Type": "BlockBlob"}
COPY = {"x-ms-copy-source": "http://elsewhere/a/b"}


@pytest.mark.parametrize(
    ("path", "host", "blob"),
    [
        ("/devstoreaccount1/images/a/b.jpg", "127.0.0.1:10000", Blob("images", "a/b.jpg")),
        ("/devstoreaccount1/images/a%2Fb%20%C3%BC.jpg", "localhost:10000", Blob("images", "a/b ü.jpg")),
        ("/devstoreaccount1/images/a%5Cb.jpg", "storage:10000", Blob("images", "a/b.jpg")),
        ("/devstoreaccount1-secondary/images/a", "127.0.0.1", Blob("images", "a")),
        ("/images/a", "devstoreaccount1.blob.localhost:10000", Blob("images", "a")),
        ("/devstoreaccount1/images/a", "host.docker.internal:10000", Blob("images", "a")),
        ("/devstoreaccount1/images", "127.0.0.1", None),
        ("/devstoreaccount1/images/", "127.0.0.1", None),
        ("/devstoreaccount1", "127.0.0.1", None),
        ("/", "127.0.0.1", None),
        ("/otheraccount/images/a", "127.0.0.1", None),
    ],
)
def test_where_a_blob_is(path: str, host: str, blob: Blob | None) -> None:
    assert blob_at(path, host, ACCOUNT) == blob


@pytest.mark.parametrize(
    ("headers", "query", "api"),
    [
        (BLOCK, "", "PutBlob"),
        (BLOCK, "?sv=2021&sig=a%3D", "PutBlob"),
        ({**BLOCK, **COPY}, "", "PutBlob"),
        (COPY, "", "CopyBlob"),
        ({}, "?comp=blocklist", "PutBlockList"),
        ({}, "?comp=block&blockid=QQ%3D%3D", None),
        (BLOCK, "?comp=metadata", None),
        (COPY, "?comp=copy&copyid=1", None),
        (COPY, "?comp=block", None),
        ({}, "?comp=appendblock", None),
        ({}, "?comp=page", None),
        ({}, "?comp=snapshot", None),
        ({}, "?comp=lease", None),
        ({}, "?restype=container", None),
        ({}, "", None),
    ],
)
def test_which_requests_write(headers: dict[str, str], query: str, api: str | None) -> None:
    given = CIMultiDict({"Host": "127.0.0.1:10000", **headers})
    expected = BlobWrite(api, Blob("images", "a")) if api else None
    assert blob_write("PUT", f"/{ACCOUNT}/images/a{query}", given, ACCOUNT) == expected
    assert blob_write("POST", f"/{ACCOUNT}/images/a{query}", given, ACCOUNT) is None


@pytest.mark.parametrize(
    ("container", "raises"), [("$logs", False), ("$blobchangefeed", False), ("$root", True)]
)
def test_system_containers(container: str, raises: bool) -> None:
    given = CIMultiDict({"Host": "127.0.0.1", **BLOCK})
    assert (blob_write("PUT", f"/{ACCOUNT}/{container}/a", given, ACCOUNT) is not None) == raises


def test_addresses_are_encoded_as_clients_do() -> None:
    assert Blob("images", "a b/ü?#%.jpg").path == "images/a%20b/%C3%BC%3F%23%25.jpg"
