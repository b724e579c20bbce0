"""What is assumed of pictures and of those who look at them; the table in docs/costs.md is made of it."""

from dataclasses import dataclass, field, fields
from typing import Any, Final

LIMITS: Final = "Service limits in Azure AI Search, not confirmed"


def _of(default: Any, text: str, source: str = "assumption") -> Any:
    return field(default=default, metadata={"text": text, "source": source})


@dataclass(frozen=True)
class Habits:
    """For each picture that comes in, over the month."""

    picture_kb: float = _of(100.0, "kB of a picture", "the article's sizes")
    lookups: float = _of(1.0, "records read by key through query's API")
    searches: float = _of(0.2, "searches through query's API")
    views: float = _of(0.2, "pictures shown to somebody, whole")
    event_grid_operations: int = _of(
        3,
        "Event Grid operations: the event, its advanced filter, its delivery",
        "Event Grid pricing, not confirmed",
    )
    spans: float = _of(
        1.0, "traces that Dapr writes for each call through a sidecar; managed Dapr may sample fewer"
    )
    span_kb: float = _of(1.0, "kB that a trace is billed with")
    log_factor: float = _of(
        1.5, "billed size of a log line, of its own: the names of app and replica are added"
    )
    platform_logs_gb: float = _of(3.0, "GB a month of the platform's own logs and metrics, whatever comes in")
    index_factor: float = _of(1.5, "size of AI Search's index, of the documents given to it")
    partition_gb_basic: float = _of(15.0, "GB of a partition, Basic", LIMITS)
    partition_gb_standard: float = _of(160.0, "GB of a partition, S1", LIMITS)


def table(habits: Habits) -> list[tuple[str, str, str]]:
    """What, value, source."""
    return [
        (each.metadata["text"], f"{getattr(habits, each.name):g}", each.metadata["source"])
        for each in fields(habits)
    ]
