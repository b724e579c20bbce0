"""Names that several programs must agree on: Dapr app ids, components, topics, keys."""

from enum import StrEnum
from typing import Final


class AppId(StrEnum):
    """Dapr app ids; also the scopes in the component files and the consumer ids of subscriptions."""

    INGEST = "ingest"
    CLASSIFIER = "classifier"
    QUERY = "query"


class Component(StrEnum):
    """Names of the Dapr components, the same on one machine and on Azure."""

    IMAGES = "images"
    IMAGE_EVENTS = "image-events"
    IMAGE_RECORDS = "image-records"
    SECRETS = "secrets"


class Topic(StrEnum):
    """Topics of the pub/sub component ``image-events``."""

    BLOB_CREATED = "blob-created"
    BLOB_CREATED_DEAD = "blob-created-dead"
    IMAGE_CLASSIFIED = "image-classified"


CONTAINER: Final = "images"
"""Blob container that ingest writes to; events about other containers are not ours."""


def record_key(image_id: str) -> str:
    """State key of a record."""
    return f"image-{image_id}"


def lanes(topic: Topic, count: int) -> list[str]:
    """The Dapr topics to subscribe to so that ``count`` messages can be in flight.

    daprd 1.16 to 1.18 hands an app one message at a time per subscription of a pluggable pub/sub
    (dapr/dapr#10470); the component serves ``topic#n`` from the topic before the ``#``.
    """
    if count < 1:
        raise ValueError(f"lanes must be at least 1, not {count}")
    return [str(topic), *(f"{topic}#{n}" for n in range(1, count))]


def subscription_metadata(app: AppId) -> dict[str, str]:
    """What every Dapr subscription of ours carries: the consumer, and so the event subscription, that it reads as.

    Sidecars that share one socket of a pluggable component are told apart by this alone.
    """
    return {"consumerID": str(app)}
