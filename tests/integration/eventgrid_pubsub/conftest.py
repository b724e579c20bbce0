import itertools
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support import daprd
from tests.support.eventgrid_component import ComponentProcess, eventgrid_component
from tests.support.eventgrid_process import EventGridProcess, eventgrid

PUBSUB = "image-events"
SETTINGS = {"lock_duration": "60s", "max_delivery_count": 10, "event_ttl": "7d"}
BRIEF = {**SETTINGS, "lock_duration": "3s"}
TOPICS: dict[str, dict[str, dict[str, Any]]] = {
    "orders": {"app": SETTINGS, "other": SETTINGS},
    "brief": {"app": BRIEF},
}
Resource = Callable[..., dict[str, Any]]


@pytest.fixture
def grid(tmp_path: Path) -> Iterator[EventGridProcess]:
    with eventgrid(tmp_path, TOPICS) as process:
        yield process


@pytest.fixture
def component(tmp_path: Path) -> Iterator[ComponentProcess]:
    with eventgrid_component(tmp_path / "component.log") as process:
        yield process


@pytest.fixture
def resource(grid: EventGridProcess) -> Resource:
    """Makes the Component resource; keywords add metadata."""

    def make(**metadata: str) -> dict[str, Any]:
        fields = {"endpoint": grid.url, "accessKey": grid.key, "retryMaxDelay": "0s", **metadata}
        return daprd.component(PUBSUB, "pubsub.azure.eventgrid", fields)

    return make


_generations = itertools.count(1)


def bump_generation(dapr: daprd.Daprd) -> None:
    """Change the component's ``generation``: daprd reloads it and opens its streams anew."""
    path = dapr.resources / "00.yaml"
    document = yaml.safe_load(path.read_text())
    fields = {entry["name"]: entry["value"] for entry in document["spec"]["metadata"]}
    fields["generation"] = str(next(_generations))
    document["spec"]["metadata"] = [{"name": name, "value": value} for name, value in fields.items()]
    new = dapr.resources.parent / "new.yaml"
    new.write_text(yaml.safe_dump(document))
    os.replace(new, path)  # noqa: PTH105


def settled(grid: EventGridProcess, topic: str = "orders", subscription: str = "app") -> bool:
    """Whether the subscription has no event left."""
    queue = grid.queue(topic, subscription)
    return not (queue["available"] or queue["locked"])
