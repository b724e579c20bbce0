"""The sizes as Bicep deploys them: deploy/bicep/sizes/*.json, and what the Bicep makes of them.

SizeError   a file lacks something, or has what cannot be; the text names the file and the key
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

FOLDER: Final = Path(__file__).resolve().parents[1] / "deploy" / "bicep" / "sizes"
NAMES: Final = ("small", "medium", "large")
"""The article's, of which the pages tell."""

TRIAL: Final = "trial"
"""Vision's free tier, for trying it out."""

MONTH_DAYS: Final = 30
"""The article's month: 50,000,000 pictures are 19.3 a second."""
DAY_S: Final = 86_400
MONTH_HOURS: Final = MONTH_DAYS * 24
MONTH_S: Final = MONTH_DAYS * DAY_S


class SizeError(ValueError):
    """See the module."""


@dataclass(frozen=True)
class App:
    """A container app. ``target``: what one replica is meant to have in flight, or waiting."""

    cpu: float
    memory_gib: float
    min_replicas: int
    max_replicas: int
    target: int


@dataclass(frozen=True)
class Size:
    """``account_calls_per_s``: what one Vision account answers. ``share_per_s``: calls a second that a replica of the
    classifier allows itself at each account; ``handlers``: messages that it has in flight.
    """

    name: str
    pictures_per_month: int
    vision_sku: str
    accounts: int
    account_calls_per_s: float
    share_per_s: float
    handlers: int
    ingest: App
    classifier: App
    query: App
    cosmos_serverless: bool
    cosmos_max_ru: int
    storage_sku: str
    registry_sku: str
    search_sku: str
    search_partitions: int
    log_retention_days: int

    @property
    def mean_per_s(self) -> float:
        """Pictures a second over the month."""
        return self.pictures_per_month / MONTH_S

    @property
    def vision_calls_per_s(self) -> float:
        """All accounts together."""
        return self.accounts * self.account_calls_per_s


def read(name: str, folder: Path = FOLDER) -> Size:
    """One of NAMES, or TRIAL. Raises SizeError."""
    path = folder / f"{name}.json"
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        return _size(name, raw)
    except (OSError, ValueError) as error:
        raise SizeError(f"{path.name}: {error}") from error
    except KeyError as error:
        raise SizeError(f"{path.name} lacks {error}") from error


def _size(name: str, raw: dict[str, Any]) -> Size:
    vision, classifier = raw["vision"], raw["classifier"]
    # The two lines of deploy/bicep/classifier.bicep.
    max_replicas = max(1, vision["accounts"] * vision["callsPerMinute"] // classifier["callsPerMinute"])
    messages_per_replica = 2 * classifier["handlers"]
    return Size(
        name=name,
        pictures_per_month=raw["picturesPerMonth"],
        vision_sku=vision["sku"],
        accounts=vision["accounts"],
        account_calls_per_s=vision["callsPerMinute"] / 60,
        share_per_s=float(classifier["callsPerSecondAndAccount"]),
        handlers=classifier["handlers"],
        ingest=_app(raw["ingest"], raw["ingest"]["maxReplicas"], raw["ingest"]["concurrentUploads"]),
        classifier=_app(classifier, max_replicas, messages_per_replica),
        query=_app(raw["query"], raw["query"]["maxReplicas"], raw["query"]["concurrentRequests"]),
        cosmos_serverless=raw["cosmos"]["serverless"],
        cosmos_max_ru=raw["cosmos"]["autoscaleMaxRu"],
        storage_sku=raw["storageSku"],
        registry_sku=raw["registrySku"],
        search_sku=raw["searchSku"],
        search_partitions=raw["searchPartitions"],
        log_retention_days=raw["logRetentionDays"],
    )


def _app(raw: dict[str, Any], max_replicas: int, target: int) -> App:
    return App(
        cpu=float(raw["cpu"]),
        memory_gib=float(raw["memory"].removesuffix("Gi")),
        min_replicas=raw["minReplicas"],
        max_replicas=max_replicas,
        target=target,
    )
