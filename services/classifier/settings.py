"""The classifier's settings; see ServiceSettings for how they are read."""

import socket
from enum import StrEnum
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator
from pydantic_settings import NoDecode

from services.platform.settings import ServiceSettings

SAVING_S: Final = 10
"""For the link and the record, of the time that a claim lasts."""


class Feature(StrEnum):
    """What Azure AI Vision can be asked for; each is billed."""

    TAGS = "tags"
    CAPTION = "caption"
    DENSE_CAPTIONS = "denseCaptions"
    OBJECTS = "objects"
    READ = "read"
    SMART_CROPS = "smartCrops"
    PEOPLE = "people"


class EngineSettings(BaseModel):
    """One engine. What else is in it belongs to services/classifier/adapters/engine_KIND.py, which checks it."""

    model_config = ConfigDict(extra="allow")

    kind: str = Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")


class VisionAccount(BaseModel):
    """One account (region) of Azure AI Vision."""

    model_config = ConfigDict(extra="forbid")

    endpoint: str
    key: SecretStr = SecretStr("")
    calls_per_s: float | None = Field(default=None, ge=0, description="Not given: vision_calls_per_s.")


class Settings(ServiceSettings):
    port: int = Field(default=8002, ge=1, le=65535)
    instance: str = Field(
        default="", description="Names this replica, the same after a restart. Empty: host and port."
    )
    lanes: int = Field(
        default=16,
        ge=1,
        le=256,
        description="Messages in flight; 1 where Dapr delivers concurrently by itself.",
    )
    claim_ttl_s: int = Field(
        default=60, ge=10, description="Longest that one picture may take, and a crash may delay it."
    )

    image_link: Literal["presign", "user_delegation", "bytes"] = Field(
        default="presign",
        description="How Vision gets at a picture: see services/classifier/adapters/image_link_*.py.",
    )
    link_ttl_s: int = Field(default=300, ge=30)
    storage_account_url: str = Field(
        default="", description="https://NAME.blob.core.windows.net, for user_delegation."
    )

    engines: list[EngineSettings] = Field(
        default=[EngineSettings(kind="azure-ai-vision")],
        min_length=1,
        description="JSON: who looks at each picture. The first is the primary: it decides the record's status.",
    )
    engine_max_wait_s: float = Field(
        default=10.0, ge=0, description="Longest that a picture queues for its turn at an engine."
    )

    label_rules: str = Field(
        default="claims",
        min_length=1,
        description="A rule set of services/classifier/labels/sets, or the path of a rule file (docs/labels.md).",
    )

    vision_endpoint: str = Field(default="http://127.0.0.1:10020", description="Scheme and host.")
    vision_key: SecretStr = Field(
        default=SecretStr(""), description="Empty: Microsoft Entra, by DefaultAzureCredential."
    )
    vision_calls_per_s: float = Field(
        default=10.0, ge=0, description="Of this replica; S1 accounts allow 10 to 20 in all. 0: no limit."
    )
    vision_accounts: list[VisionAccount] = Field(
        default=[], description="JSON: several accounts, instead of vision_endpoint and vision_key."
    )
    vision_features: Annotated[tuple[Feature, ...], NoDecode] = Field(
        default=(Feature.TAGS, Feature.CAPTION, Feature.OBJECTS, Feature.PEOPLE, Feature.READ),
        min_length=1,
        description="Names separated by commas.",
    )
    vision_language: str = "en"
    vision_gender_neutral_caption: bool = False
    vision_model_version: str = "latest"
    vision_smart_crops_aspect_ratios: Annotated[tuple[float, ...], NoDecode] = Field(
        default=(), description="Width to height, 0.75 to 1.8, separated by commas. None: Vision chooses one."
    )
    vision_timeout_s: float = Field(default=20.0, gt=0, description="For one call.")
    vision_people_min_confidence: float = Field(default=0.5, ge=0, le=1)

    @field_validator("vision_features", "vision_smart_crops_aspect_ratios", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        return (
            [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value
        )

    @model_validator(mode="after")
    def _agree(self) -> "Settings":
        if self.image_link == "user_delegation" and not self.storage_account_url:
            raise ValueError("image_link is user_delegation: storage_account_url must say where")
        needed = self.engine_max_wait_s + self.vision_timeout_s
        if self.claim_ttl_s < needed + SAVING_S:
            raise ValueError(
                f"claim_ttl_s must be at least {needed + SAVING_S:g}: engine_max_wait_s and vision_timeout_s, "
                f"and {SAVING_S} s for the rest"
            )
        return self

    def owner(self) -> str:
        """Who this replica is. A port has one living owner on a host, so a claim by the same owner is a dead one's."""
        return self.instance or f"{socket.gethostname()}:{self.port}"
