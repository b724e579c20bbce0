from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.unit.emulator_eventgrid.harness import Grid, Topics

TOPICS: Topics = {
    "orders": {
        "worker": {
            "lock_duration": "60s",
            "max_delivery_count": 3,
            "event_ttl": "1h",
            "dead_letter": "dead-orders",
        },
        "audit": {"max_delivery_count": 2},
    },
    "dead-orders": {"undertaker": {}},
    "nobody": {},
}


@pytest.fixture
async def grid(tmp_path: Path) -> AsyncIterator[Grid]:
    """Topic ``orders`` with the subscriptions ``worker`` (dead letters to ``dead-orders``) and ``audit``."""
    opened = await Grid(tmp_path / "grid.sqlite3", TOPICS).open()
    yield opened
    await opened.close()
