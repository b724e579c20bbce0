from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import daprd
from tests.support.eventgrid_component import ComponentProcess, eventgrid_component
from tests.support.eventgrid_process import EventGridProcess, eventgrid

PUBSUB = "image-events"
SETTINGS = {"lock_duration": "60s", "max_delivery_count": 10, "event_ttl": "7d"}
TOPICS: dict[str, dict[str, dict[str, Any]]] = {
    "orders": {"app": SETTINGS, "other": SETTINGS},
    "letters": {"app": SETTINGS},
}


@pytest.fixture
def grid(tmp_path: Path) -> Iterator[EventGridProcess]:
    with eventgrid(tmp_path, TOPICS) as process:
        yield process


@pytest.fixture
def component(tmp_path: Path) -> Iterator[ComponentProcess]:
    with eventgrid_component(tmp_path / "component.log") as process:
        yield process


@pytest.fixture
def resource(grid: EventGridProcess) -> Callable[..., dict[str, Any]]:
    """Makes the Component resource; keywords add metadata."""

    def make(**metadata: str) -> dict[str, Any]:
        fields = {"endpoint": grid.url, "accessKey": grid.key, "retryMaxDelay": "0s", **metadata}
        return daprd.component(PUBSUB, "pubsub.azure.eventgrid", fields)

    return make
