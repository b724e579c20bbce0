"""Composition root of the storage emulator: the only place that constructs."""

import asyncio
import logging
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import aiohttp
from aiohttp import web

from emulators.storage import azurite
from emulators.storage.errors import PortInUseError, UpstreamError
from emulators.storage.journal import Journal
from emulators.storage.proxy import Proxy
from emulators.storage.recorder import Recorder
from emulators.storage.sender import Sender
from emulators.storage.settings import Settings
from emulators.storage.status import Status
from emulators.storage.upstream import Upstream

log = logging.getLogger("storage")

# Addresses of presigned links and metadata headers are long; Azure allows 8 KiB of metadata.
LONGEST_LINE = 64 * 1024
DRAIN_S = 1.0
# Below Azurite's own keep-alive (5 s where it is not ours): it must never be the one to close an idle connection.
KEEP_ALIVE_S = 3.0


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[asyncio.Event]:
    """The emulator at work: accepting requests inside the block. Gives an event that is set when it has failed.

    Raises StartError.
    """
    failed = asyncio.Event()
    async with AsyncExitStack() as stack:
        journal = Journal(settings.data / "journal.sqlite")
        stack.callback(journal.close)
        session = await stack.enter_async_context(_session())
        upstream = Upstream(session, settings.upstream, settings.account, settings.key)
        sender = Sender(journal, session, settings.event_grid, settings.topic, settings.event_grid_key)
        recorder = Recorder(journal, upstream, settings.event_source, settings.endpoint, sender.wake)
        proxy = Proxy(session, settings.upstream, settings.account, recorder)

        child: azurite.Azurite | None = None
        if not settings.azurite_url:
            command = settings.azurite_command or azurite.default_command()
            data = settings.data
            child = azurite.Azurite(command, settings.azurite_port, data / "azurite", data / "azurite.log")
            await child.check_port()
            await stack.enter_async_context(_background(child.run(), failed))
        ready = asyncio.Event()
        making = _make_containers(upstream, settings.containers, ready)
        await stack.enter_async_context(_background(making, failed))
        await stack.enter_async_context(_background(recorder.run(), failed))
        await stack.enter_async_context(_background(sender.run(), failed))

        app = web.Application()
        Status(upstream, journal, sender, ready).add_routes(app.router)
        app.router.add_route("*", "/{path:.*}", proxy.handle)
        await _serve(stack, app, settings)
        yield failed


def _session() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=KEEP_ALIVE_S),
        auto_decompress=False,
        skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
        cookie_jar=aiohttp.DummyCookieJar(),
        max_line_size=LONGEST_LINE,
        max_field_size=LONGEST_LINE,
    )


async def _serve(stack: AsyncExitStack, app: web.Application, settings: Settings) -> None:
    runner = web.AppRunner(
        app,
        access_log=None,
        max_line_size=LONGEST_LINE,
        max_field_size=LONGEST_LINE,
        shutdown_timeout=DRAIN_S,
        auto_decompress=False,
    )
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    try:
        await web.TCPSite(runner, settings.host, settings.port).start()
    except OSError as error:
        raise PortInUseError(settings.port, "blob endpoint", "--port") from error


@asynccontextmanager
async def _background(work: Coroutine[Any, Any, None], failed: asyncio.Event) -> AsyncIterator[None]:
    """Run ``work`` inside the block; cancel it and wait for its end behind it. ``failed`` is set if it raises."""

    def report(task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()):
            log.critical("background work has failed", exc_info=error)
            failed.set()

    task = asyncio.create_task(work)
    task.add_done_callback(report)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _make_containers(upstream: Upstream, containers: tuple[str, ...], done: asyncio.Event) -> None:
    """Make what is absent as soon as Azurite is up."""
    for name in containers:
        while True:
            try:
                made = await upstream.make_container(name)
            except UpstreamError as error:
                log.debug("not yet: %s", error)
                await asyncio.sleep(0.1)
                continue
            log.info("container %s %s", name, "made" if made else "is there")
            break
    done.set()
