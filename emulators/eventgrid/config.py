"""The configuration file: an access key, topics, and their subscriptions.

```yaml
access_key: claimlens-development-key
topics:
  blob-created:
    subscriptions:
      classifier: {lock_duration: 60s, max_delivery_count: 10, event_ttl: 7d, dead_letter: blob-created-dead}
```
Every setting of a subscription has the service's default. Limits are the service's too, except that locks and
times to live may be as short as one second: the service's minimum of a minute would make tests wait.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from emulators.eventgrid.errors import ConfigError

_NAME = re.compile(r"[A-Za-z0-9-]{3,50}")
_SHORT = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
_ISO = re.compile(
    r"P(?:(?P<d>\d+(?:\.\d+)?)D)?(?:T(?:(?P<h>\d+(?:\.\d+)?)H)?(?:(?P<m>\d+(?:\.\d+)?)M)?(?:(?P<s>\d+(?:\.\d+)?)S)?)?"
)
_UNIT_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_SUBSCRIPTION_KEYS = ("lock_duration", "max_delivery_count", "event_ttl", "dead_letter")


@dataclass(frozen=True)
class SubscriptionConfig:
    """One event subscription. Durations in seconds; ``dead_letter`` is a topic's name or None."""

    lock_duration_s: float = 60.0
    max_delivery_count: int = 10
    event_ttl_s: float = 7 * 86400.0
    dead_letter: str | None = None


@dataclass(frozen=True)
class NamespaceConfig:
    """A whole namespace: topic → subscription → settings."""

    access_key: str
    topics: Mapping[str, Mapping[str, SubscriptionConfig]] = field(default_factory=dict)


def parse_duration(text: str) -> float:
    """Seconds of an ISO 8601 duration (``PT1M``, ``P7D``) or a short one (``60s``, ``7d``, ``500ms``).

    Raises ValueError when it is neither.
    """
    text = text.strip()
    if short := _SHORT.fullmatch(text):
        return float(short[1]) * _UNIT_S[short[2]]
    iso = _ISO.fullmatch(text)
    if iso is None or not any(iso.groupdict().values()) or text.endswith("T"):
        raise ValueError(f"{text!r} is not a duration: use ISO 8601 as in PT1M and P7D, or 60s, 5m, 7d")
    return sum(float(value) * _UNIT_S[unit] for unit, value in iso.groupdict().items() if value)


def load(path: Path) -> NamespaceConfig:
    """Read and check a configuration file. Raises ConfigError with every fault found."""
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(str(path), [f"can't be read: {error.strerror}"]) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(str(path), [f"is not YAML: {error}"]) from error
    return parse(document, source=str(path))


def parse(document: Any, source: str = "configuration") -> NamespaceConfig:
    """Check an already parsed configuration. Raises ConfigError with every fault found."""
    problems: list[str] = []
    if not isinstance(document, dict):
        raise ConfigError(source, ["must be a mapping with access_key and topics"])
    problems += [f"{key}: unknown; allowed are access_key, topics" for key in document.keys() - _TOP_KEYS]
    access_key = document.get("access_key")
    if not isinstance(access_key, str) or not access_key.strip():
        problems.append("access_key: must be a non-empty string")
    topics_in = document.get("topics")
    if not isinstance(topics_in, dict) or not topics_in:
        problems.append("topics: must be a mapping of at least one topic")
        topics_in = {}
    topics = {str(name): _topic(str(name), value, problems) for name, value in topics_in.items()}
    _check_dead_letters(topics, problems)
    if problems:
        raise ConfigError(source, sorted(problems))
    return NamespaceConfig(str(access_key), topics)


_TOP_KEYS = {"access_key", "topics"}


def _topic(name: str, value: Any, problems: list[str]) -> dict[str, SubscriptionConfig]:
    path = f"topics.{name}"
    _check_name(path, name, problems)
    if value is None:
        return {}
    if not isinstance(value, dict):
        problems.append(f"{path}: must be a mapping with subscriptions")
        return {}
    problems += [
        f"{path}.{key}: unknown; allowed is subscriptions" for key in value.keys() - {"subscriptions"}
    ]
    subscriptions = value.get("subscriptions") or {}
    if not isinstance(subscriptions, dict):
        problems.append(f"{path}.subscriptions: must be a mapping")
        return {}
    return {
        str(key): _subscription(f"{path}.subscriptions.{key}", str(key), settings, problems)
        for key, settings in subscriptions.items()
    }


def _subscription(path: str, name: str, value: Any, problems: list[str]) -> SubscriptionConfig:
    _check_name(path, name, problems)
    value = {} if value is None else value
    if not isinstance(value, dict):
        problems.append(f"{path}: must be a mapping of {', '.join(_SUBSCRIPTION_KEYS)}")
        return SubscriptionConfig()
    problems += [
        f"{path}.{key}: unknown; allowed are {', '.join(_SUBSCRIPTION_KEYS)}"
        for key in value.keys() - set(_SUBSCRIPTION_KEYS)
    ]
    count = value.get("max_delivery_count", 10)
    if isinstance(count, bool) or not isinstance(count, int) or not 1 <= count <= 10:
        problems.append(f"{path}.max_delivery_count: {count!r} must be a whole number from 1 to 10")
        count = 10
    dead_letter = value.get("dead_letter")
    if dead_letter is not None and not isinstance(dead_letter, str):
        problems.append(f"{path}.dead_letter: must be the name of a topic")
        dead_letter = None
    return SubscriptionConfig(
        lock_duration_s=_duration(
            f"{path}.lock_duration", value.get("lock_duration", "60s"), 1, 300, problems
        ),
        max_delivery_count=count,
        event_ttl_s=_duration(f"{path}.event_ttl", value.get("event_ttl", "7d"), 1, 7 * 86400, problems),
        dead_letter=dead_letter,
    )


def _duration(path: str, value: Any, least_s: float, most_s: float, problems: list[str]) -> float:
    try:
        seconds = parse_duration(value) if isinstance(value, str) else None
    except ValueError as error:
        problems.append(f"{path}: {error}")
        return least_s
    if seconds is None:
        problems.append(f"{path}: {value!r} needs a unit, as in 60s or PT1M")
        return least_s
    if not least_s <= seconds <= most_s:
        problems.append(f"{path}: {value} must be from {least_s:g} s to {most_s:g} s")
    return seconds


def _check_name(path: str, name: str, problems: list[str]) -> None:
    if not _NAME.fullmatch(name):
        problems.append(f"{path}: a name has 3 to 50 letters, digits and hyphens")


def _check_dead_letters(topics: dict[str, dict[str, SubscriptionConfig]], problems: list[str]) -> None:
    """A dead letter must reach a topic that exists and never come back to where it died."""
    onward = {
        topic: {sub.dead_letter for sub in subs.values() if sub.dead_letter} for topic, subs in topics.items()
    }
    for topic, subscriptions in topics.items():
        for name, settings in subscriptions.items():
            path = f"topics.{topic}.subscriptions.{name}.dead_letter"
            if settings.dead_letter is None:
                continue
            if settings.dead_letter not in topics:
                problems.append(f"{path}: there is no topic {settings.dead_letter!r}")
            elif topic in _reachable(settings.dead_letter, onward):
                problems.append(f"{path}: {settings.dead_letter!r} leads back to {topic!r}")


def _reachable(start: str, onward: dict[str, set[str]]) -> set[str]:
    seen: set[str] = set()
    todo = [start]
    while todo:
        topic = todo.pop()
        if topic not in seen:
            seen.add(topic)
            todo += onward.get(topic, ())
    return seen
