"""What the simulation takes for granted, each with where it comes from. The table in docs/capacity.md is made of it."""

from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Final

import yaml

RESILIENCY: Final = Path(__file__).resolve().parents[2] / "components" / "azure" / "resiliency.yaml"
SCALING: Final = "Container Apps, set scaling rules"
HOURS: Final = (
    *(0.25, 0.2, 0.15, 0.15, 0.2, 0.3, 0.5, 0.9, 1.4, 1.8, 2.0, 1.95),
    *(1.7, 1.75, 1.8, 1.7, 1.5, 1.3, 1.15, 1.05, 0.9, 0.7, 0.45, 0.3),
)


def _of(default: Any, text: str, source: str = "assumption") -> Any:
    return field(default=default, metadata={"text": text, "source": source})


@dataclass(frozen=True)
class Assumptions:
    """Seconds and shares. ``*_quantiles``: values that are equally likely."""

    hours: tuple[float, ...] = _of(
        HOURS,
        "uploads of a day by hour, local time of one region; the busiest hour has {peak:.2f} times the day's mean",
    )
    weekdays: tuple[float, ...] = _of(
        (1.25, 1.2, 1.2, 1.15, 1.1, 0.6, 0.5),
        "Monday to Sunday, of the week's mean; the simulated day is a Monday",
    )
    batch: int = _of(4, "pictures that come together (a claim's), at random times (Poisson)")
    event_delay_s: tuple[int, ...] = _of(
        (1, 1, 1, 1, 1, 1, 1, 2, 2, 5), "from the stored blob to the message in Service Bus"
    )
    vision_s: tuple[float, ...] = _of(
        (0.5, 0.7, 0.9, 1.2, 2.4), "Vision's time for a call with five features"
    )
    around_s: float = _of(0.15, "state, link and publishing around a call")
    failures: float = _of(0.001, "share of calls that Vision answers with 5xx")
    pause_s: int = _of(
        1,
        "that an account is left alone after a 429",
        "`PAUSE_S` in services/classifier/adapters/pool.py; Azure's Retry-After is not verified",
    )
    max_wait_s: int = _of(
        10,
        "that a picture queues for an account before RETRY",
        "`engine_max_wait_s` in services/classifier/settings.py",
    )
    probe_s: int = _of(5, "between two looks at an account that is down", "services/classifier/gates.py")
    polling_s: int = _of(
        30, "between two looks of KEDA at the backlog (waiting and locked messages)", SCALING
    )
    cooldown_s: int = _of(
        300,
        "without messages before the last replica goes; also the window of scale-in",
        f"{SCALING}; Kubernetes' default for scale-in",
    )
    steps: tuple[int, ...] = _of(
        (1, 4),
        "replicas after the first scale-outs; then doubled each time",
        f"{SCALING}, as others repeat it: 1, 4, 8, 16, …",
    )
    cold_start_s: tuple[int, ...] = _of(
        (12, 16, 18, 20, 22, 25, 28, 32, 40, 60), "from the decision to a replica that takes messages"
    )
    max_deliveries: int = _of(
        10, "deliveries before a message is a dead letter", "deploy/bicep/modules/service-bus.bicep"
    )
    upload_s: float = _of(0.35, "of a place in ingest for an upload of 100 kB")
    index_s: float = _of(0.12, "of a handler of query for a delivery: record, AI Search twice")
    read_s: float = _of(0.05, "of a place in query for a request")

    @property
    def peak(self) -> float:
        """The busiest hour, of the day's mean."""
        return max(self.hours) / (sum(self.hours) / len(self.hours))

    @property
    def busiest(self) -> float:
        """The busiest hour of the busiest weekday, of the month's mean."""
        return self.peak * max(self.weekdays)


@dataclass(frozen=True)
class Patience:
    """Dapr's inbound retry of components/azure/resiliency.yaml; the factor is Dapr's."""

    initial_s: float
    longest_s: float
    retries: int
    factor: float = 1.5

    def pause_s(self, attempt: int) -> float:
        """Before the retry after this attempt, the first being 0; without jitter."""
        return min(self.initial_s * self.factor**attempt, self.longest_s)


def patience(path: Path = RESILIENCY) -> Patience:
    """As the file has it."""
    spec = yaml.safe_load(path.read_text(encoding="utf-8"))["spec"]
    name = spec["targets"]["components"]["image-events"]["inbound"]["retry"]
    policy = spec["policies"]["retries"][name]
    return Patience(
        _seconds(policy["initialInterval"]), _seconds(policy["maxInterval"]), policy["maxRetries"]
    )


def _seconds(text: str) -> float:
    return float(text.removesuffix("ms")) / 1000 if text.endswith("ms") else float(text.removesuffix("s"))


def table(assumptions: Assumptions) -> list[tuple[str, str, str]]:
    """What, value, source."""
    found = []
    for each in fields(assumptions):
        value = getattr(assumptions, each.name)
        text = each.metadata["text"].format(peak=assumptions.peak)
        found.append((f"`{each.name}`: {text}", _show(value), each.metadata["source"]))
    retry = patience()
    found.append(
        (
            "`patience`: what Dapr does with RETRY before the message goes back",
            f"{retry.retries} retries, {retry.initial_s:g} s growing to {retry.longest_s:g} s, jitter of a half",
            "components/azure/resiliency.yaml; factor and jitter as seen, docs/decisions/0011",
        )
    )
    return found


def _show(value: Any) -> str:
    return ", ".join(f"{part:g}" for part in value) if isinstance(value, tuple) else f"{value:g}"
