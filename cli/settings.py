"""Where the services are. Environment variables CLAIMLENS_INGEST_URL, CLAIMLENS_QUERY_URL, CLAIMLENS_API_KEY."""

from pydantic_settings import BaseSettings, SettingsConfigDict


class CliSettings(BaseSettings):
    """``timeout_s`` bounds one request; ``patience_s`` bounds trying again while a service is away or full."""

    model_config = SettingsConfigDict(env_prefix="CLAIMLENS_", extra="ignore")

    ingest_url: str = "http://127.0.0.1:8001"
    query_url: str = "http://127.0.0.1:8003"
    api_key: str = ""
    timeout_s: float = 60.0
    patience_s: float = 60.0
