import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
import uvloop

from components.eventgrid_pubsub.app import Component, Settings
from components.eventgrid_pubsub.sockets import SOCKET_NAME
from components.eventgrid_pubsub.telemetry import Metrics
from tests.support.fake_event_grid import KEY, FakeEventGrid, running
from tests.support.pubsub_client import Client, connected


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """The loop that the component runs on."""
    return {"uvloop": uvloop.new_event_loop}


@pytest.fixture
def folder() -> Iterator[Path]:
    """A sockets folder with a path short enough for a socket."""
    with tempfile.TemporaryDirectory(prefix="eg-") as name:
        yield Path(name)


@pytest.fixture
async def grid() -> AsyncIterator[FakeEventGrid]:
    async with running(FakeEventGrid()) as fake:
        yield fake


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
async def component(folder: Path, metrics: Metrics, grid: FakeEventGrid) -> AsyncIterator[Component]:
    """The component; Event Grid outlives it."""
    one = Component(Settings(folders=(folder,), http_port=0, grace_s=2.0), metrics)
    await one.start()
    yield one
    grid.ending = True  # the component waits a little for the answer of a receive call
    await one.stop(0)


@pytest.fixture
def socket(component: Component, folder: Path) -> Path:
    return folder / SOCKET_NAME


@pytest.fixture
async def bare(socket: Path) -> AsyncIterator[Client]:
    """A client of an instance that is not initialised."""
    async with connected(socket) as client:
        yield client


@pytest.fixture
async def client(bare: Client, grid: FakeEventGrid) -> Client:
    await bare.init(endpoint=grid.endpoint, accessKey=KEY, consumerID="app", retryMaxDelay="0s")
    return bare
