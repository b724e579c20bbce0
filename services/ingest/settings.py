"""Ingest's settings; see ServiceSettings for how they are read."""

from typing import Annotated, Any, Final
from urllib.parse import urlsplit

from pydantic import Field, field_validator
from pydantic_settings import NoDecode

from services.platform.settings import ServiceSettings

VISION_MAX_BYTES: Final = 20_971_520
"""Azure AI Vision's limit for one picture: 20 MB."""


class Settings(ServiceSettings):
    port: int = Field(default=8001, ge=1, le=65535)
    query_public_url: str = Field(
        default="http://127.0.0.1:8003", description="Where clients reach query; for `Location`."
    )
    cors_origins: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        description="Origins whose pages may upload, separated by commas. Empty: query's public URL, "
        "and the other name of the loopback address where it is one.",
    )

    max_upload_bytes: int = Field(default=VISION_MAX_BYTES, ge=1, le=VISION_MAX_BYTES)
    body_timeout_s: float = Field(
        default=300.0, gt=0, description="Longest that a client may take to send a picture."
    )
    body_idle_timeout_s: float = Field(
        default=30.0, gt=0, description="Longest that it may send nothing meanwhile."
    )
    upload_rate_per_s: float = Field(
        default=0.0, ge=0, description="Uploads a second for each caller (key, or else address); 0: no limit."
    )
    upload_burst: int = Field(default=20, ge=1, description="Uploads at once before that rate counts.")
    max_concurrent_uploads: int = Field(
        default=8, ge=1, description="Uploads held in memory; up to 80 MB each at the largest size."
    )
    upload_queue_timeout_s: float = Field(
        default=20.0, gt=0, description="Longest wait for a place among them."
    )

    decode_threads: int = Field(default=2, ge=1)
    decode_budget_pixels: int = Field(
        default=256_000_000,
        ge=256_000_000,
        description="Pixels being decoded at a time, at up to 4 bytes each; not less than the largest picture has.",
    )
    decode_timeout_s: float = Field(default=60.0, gt=0)
    keep_gps: bool = Field(
        default=False,
        description="Whether records say where a picture was taken. The file itself is kept as it was sent.",
    )
    first_uploader_wait_s: float = Field(
        default=3.0,
        ge=0,
        description="How long to wait for another upload of the same picture to store it before doing so oneself.",
    )

    @field_validator("cors_origins", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        return (
            [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value
        )

    @field_validator("query_public_url")
    @classmethod
    def _without_slash(cls, value: str) -> str:
        return value.rstrip("/")

    def allowed_origins(self) -> list[str]:
        """What CORS lets in."""
        if self.cors_origins:
            return list(self.cors_origins)
        parts = urlsplit(self.query_public_url)
        origin = f"{parts.scheme}://{parts.netloc}"
        twin = {"127.0.0.1": "localhost", "localhost": "127.0.0.1"}.get(parts.hostname or "")
        return [origin, origin.replace(str(parts.hostname), twin, 1)] if twin else [origin]
