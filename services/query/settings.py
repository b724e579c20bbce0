"""Query's settings; see ServiceSettings for how they are read."""

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr

from services.platform.settings import ServiceSettings


class Settings(ServiceSettings):
    """Environment variables are ``CLAIMLENS_`` and the field's name. ``{data_dir}`` is created when it is needed."""

    port: int = Field(default=8003, ge=1, le=65535)
    data_dir: Path = Field(
        default=Path(".data/query"), description="The index and the thumbnails; can be thrown away."
    )
    lanes: int = Field(
        default=4, ge=1, le=64, description="Subscriptions per topic: messages in flight at once."
    )

    search_engine: Literal["sqlite", "azure"] = "sqlite"
    search_endpoint: str = Field(default="", description="https://NAME.search.windows.net, for azure.")
    search_index: str = Field(default="images", description="Beginning of the index's name, for azure.")
    search_key: SecretStr = Field(
        default=SecretStr(""), description="Empty: Microsoft Entra, by DefaultAzureCredential."
    )
    search_timeout_s: float = Field(default=5.0, gt=0)

    content_mode: Literal["link", "bytes"] = Field(
        default="link",
        description="`bytes` where links cannot be signed, or callers cannot reach the blob endpoint.",
    )
    link_ttl_s: int = Field(default=300, ge=10, le=86400)

    thumbnail_pixels: int = Field(default=640, ge=64, le=2048, description="Longest side.")
    thumbnail_source_pixels: int = Field(
        default=120_000_000,
        ge=1_000_000,
        description="Larger ones get no thumbnail; a pixel takes 3 to 4 bytes.",
    )
    thumbnail_cache_bytes: int = Field(default=1_000_000_000, ge=0)

    event_clients: int = Field(default=200, ge=1, description="Open event streams at most; more get 503.")
    event_heartbeat_s: float = Field(default=15.0, gt=0)

    ingest_public_url: str = Field(
        default="http://127.0.0.1:8001",
        description="Where browsers reach ingest. Empty: the page offers no upload.",
    )
    picture_origins: str = Field(
        default="http://127.0.0.1:10000 https://*.blob.core.windows.net",
        description="Origins that the page may load pictures from besides its own: where /content's links lead.",
    )

    @property
    def index_path(self) -> Path:
        return self.data_dir / "index.db"

    @property
    def thumbnail_dir(self) -> Path:
        return self.data_dir / "thumbnails"
