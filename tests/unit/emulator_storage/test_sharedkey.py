"""Signatures, beside those that azure-storage-blob makes."""

from datetime import UTC, datetime

import pytest
from azure.core.pipeline import PipelineContext, PipelineRequest
from azure.core.pipeline.transport import HttpRequest
from azure.storage.blob._shared.authentication import SharedKeyCredentialPolicy

from emulators.storage.settings import DEVELOPMENT_ACCOUNT, DEVELOPMENT_KEY
from emulators.storage.sharedkey import signed_headers


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("HEAD", "/devstoreaccount1/images/a%20b/%C3%BC.jpg"),
        ("PUT", "/devstoreaccount1/images?restype=container"),
        ("GET", "/devstoreaccount1?restype=service&comp=properties"),
    ],
)
def test_signature_is_the_sdks(method: str, target: str) -> None:
    ours = signed_headers(
        method, target, DEVELOPMENT_ACCOUNT, DEVELOPMENT_KEY, datetime(2026, 11, 22, tzinfo=UTC)
    )
    assert ours["x-ms-date"] == "Sun, 22 Nov 2026 00:00:00 GMT"
    request = HttpRequest(method, f"http://127.0.0.1:10000{target}")
    request.headers.update({name: value for name, value in ours.items() if name != "Authorization"})
    wrapped = PipelineRequest(request, PipelineContext(None))
    SharedKeyCredentialPolicy(DEVELOPMENT_ACCOUNT, DEVELOPMENT_KEY).on_request(wrapped)  # type: ignore[no-untyped-call]
    assert request.headers["Authorization"] == ours["Authorization"]
