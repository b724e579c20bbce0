"""Where the stack listens and keeps its data."""

from dataclasses import dataclass, field, fields, replace
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DEVELOPMENT_KEY = "claimlens-development-key"


@dataclass(frozen=True)
class Ports:
    """Every port that the stack binds, on loopback."""

    ingest: int = 8001
    classifier: int = 8002
    query: int = 8003
    storage: int = 10000
    azurite: int = 10001
    event_grid: int = 10010
    vision: int = 10020
    component: int = 10030
    ingest_dapr_http: int = 3501
    ingest_dapr_grpc: int = 50011
    ingest_dapr_metrics: int = 9101
    classifier_dapr_http: int = 3502
    classifier_dapr_grpc: int = 50012
    classifier_dapr_metrics: int = 9102
    query_dapr_http: int = 3503
    query_dapr_grpc: int = 50013
    query_dapr_metrics: int = 9103

    @classmethod
    def names(cls) -> list[str]:
        return [port.name for port in fields(cls)]

    def with_changes(self, text: str) -> "Ports":
        """``query=9003,vision=9020`` → these ports changed. Raises ValueError for a name that is none."""
        changes: dict[str, int] = {}
        for entry in filter(None, (part.strip() for part in text.split(","))):
            name, _, number = entry.partition("=")
            if name not in self.names() or not number.isdigit():
                raise ValueError(f"{entry!r}: write NAME=NUMBER, NAME one of {', '.join(self.names())}")
            changes[name] = int(number)
        return replace(self, **changes)


@dataclass(frozen=True)
class StackSettings:
    """``data`` outlives a run: blobs, events, records, the search index, and the logs."""

    data: Path = ROOT / ".data"
    ports: Ports = field(default_factory=Ports)
    ready_timeout_s: float = 90.0
    vision_arguments: tuple[str, ...] = ()
    extra_env: tuple[tuple[str, str], ...] = ()

    @property
    def logs(self) -> Path:
        return self.data / "logs"

    @property
    def run(self) -> Path:
        """Files that only a running stack needs."""
        return self.data / "run"

    @property
    def components(self) -> Path:
        return self.run / "components"

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{getattr(self.ports, name)}"
