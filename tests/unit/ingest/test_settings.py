"""Ingest's settings, from the environment."""

import pytest
from pydantic import ValidationError

from services.ingest.settings import Settings


def test_defaults() -> None:
    settings = Settings()
    assert settings.port == 8001
    assert settings.max_upload_bytes == 20_971_520
    assert settings.upload_rate_per_s == 0
    assert settings.allowed_origins() == ["http://127.0.0.1:8003", "http://localhost:8003"]


@pytest.mark.parametrize(
    ("url", "origins"),
    [
        ("https://photos.example/api/", ["https://photos.example"]),
        ("http://localhost:9000", ["http://localhost:9000", "http://127.0.0.1:9000"]),
    ],
)
def test_origins_follow_querys_address(monkeypatch: pytest.MonkeyPatch, url: str, origins: list[str]) -> None:
    monkeypatch.setenv("CLAIMLENS_QUERY_PUBLIC_URL", url)
    assert Settings().allowed_origins() == origins


def test_origins_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLAIMLENS_CORS_ORIGINS", "https://a.example, https://b.example")
    assert Settings().allowed_origins() == ["https://a.example", "https://b.example"]


def test_no_more_than_vision_reads() -> None:
    with pytest.raises(ValidationError):
        Settings(max_upload_bytes=20_971_521)


def test_sidecars_ports_keep_daprs_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAPR_HTTP_PORT", "3501")
    monkeypatch.setenv("DAPR_GRPC_PORT", "50011")
    assert (Settings().dapr_http_port, Settings().dapr_grpc_port) == (3501, 50011)
