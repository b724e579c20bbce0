"""Settings that every service has. Read once, at the start, from the environment; passed in from there on."""

from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class ServiceSettings(BaseSettings):
    """Environment variables are ``CLAIMLENS_`` and the field's name; Dapr's own keep Dapr's names.

    Durations are seconds, as the names say; sizes are bytes.
    """

    model_config = SettingsConfigDict(env_prefix="CLAIMLENS_", extra="ignore", populate_by_name=True)

    host: str = "127.0.0.1"
    port: int = Field(ge=1, le=65535)
    log_format: Literal["console", "json"] = "console"
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    dapr_http_port: int = Field(default=3500, validation_alias="DAPR_HTTP_PORT")
    dapr_grpc_port: int = Field(default=50001, validation_alias="DAPR_GRPC_PORT")
    dapr_timeout_s: float = Field(default=15.0, gt=0, description="Longest wait for one call to the sidecar.")

    api_keys: str = Field(
        default="",
        description="Who may call: `name:role:key` separated by commas; roles are reader, writer, admin. "
        "Empty: everybody may, as on one machine or behind a gateway that signs people in.",
    )
