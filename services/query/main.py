"""Composition root of query: the only place that constructs adapters."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from fastapi import FastAPI
from prometheus_client import CollectorRegistry

from services.contracts.names import Component, Topic, lanes
from services.contracts.records import ImageRecord
from services.platform.app import base_app
from services.platform.background import Loop, in_background
from services.platform.dapr.blobs import BlobBinding
from services.platform.dapr.sidecar import Sidecar
from services.platform.dapr.state import Documents
from services.platform.dapr.subscribed import Subscribed
from services.platform.health import Check
from services.query import api, live, media, similar
from services.query.adapters.blob_catalogue import BlobCatalogue
from services.query.adapters.feed import MemoryFeed
from services.query.adapters.sqlite_index import SqliteIndex
from services.query.adapters.thumbnails import PillowThumbnails
from services.query.handlers import Projection, Rebuilder
from services.query.metrics import QueryMetrics
from services.query.page import install_page
from services.query.ports import Blobs, Catalogue, Records, SearchIndex
from services.query.rebuilds import BackgroundRebuild
from services.query.settings import Settings
from services.query.subscriptions import subscribe

Step = Callable[[], Awaitable[None]]


@dataclass(frozen=True)
class Ports:
    """Everything outside. ``openers`` run in order at the start, ``loops`` while it serves, ``closers`` at shutdown."""

    records: Records
    blobs: Blobs
    catalogue: Catalogue
    index: SearchIndex
    checks: Mapping[str, Check] = field(default_factory=dict)
    loops: tuple[Loop, ...] = ()
    openers: tuple[Step, ...] = ()
    closers: tuple[Step, ...] = ()


def create_app(settings: Settings | None = None, ports: Ports | None = None) -> FastAPI:
    """Query's app, on Dapr and SQLite, or on the ``ports`` given. No I/O before it serves, but for the page's files."""
    settings = settings or Settings()
    ports = ports or connect(settings)
    registry = CollectorRegistry()
    metrics = QueryMetrics(registry)
    feed = MemoryFeed(settings.event_clients)
    thumbnails = PillowThumbnails(
        ports.blobs,
        settings.thumbnail_dir,
        pixels=settings.thumbnail_pixels,
        source_pixels=settings.thumbnail_source_pixels,
        cache_bytes=settings.thumbnail_cache_bytes,
    )
    projection = Projection(ports.records, ports.index, feed, thumbnails)
    rebuilder = Rebuilder(ports.catalogue, projection, ports.index)
    rebuilds = BackgroundRebuild(rebuilder, ports.index)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        try:
            for open_ in ports.openers:
                await open_()
            rebuilds.start_if_incomplete()
            async with in_background(ports.loops):
                yield
        finally:
            feed.close()
            await rebuilds.stop()
            for close in ports.closers:
                await close()

    app = base_app(
        "query",
        "Finds pictures by what is in them. Read only; pictures go to ingest.",
        settings,
        lifespan=lifespan,
        checks={**ports.checks, "index": rebuilds.check},
        registry=registry,
    )
    app.state.before_shutdown.append(feed.close)
    app.include_router(api.routes(ports.records, ports.index, metrics))
    app.include_router(api.index_routes(ports.index, rebuilder, rebuilds.start))
    app.include_router(
        media.routes(
            ports.records,
            ports.blobs,
            thumbnails,
            content_mode=settings.content_mode,
            link_ttl_s=settings.link_ttl_s,
        )
    )
    app.include_router(similar.routes(ports.records, ports.index))
    app.include_router(live.routes(feed, metrics, heartbeat_s=settings.event_heartbeat_s))
    subscribe(app, projection, metrics, lane_count=settings.lanes)
    install_page(app, ingest_url=settings.ingest_public_url, picture_origins=settings.picture_origins)
    return app


def connect(settings: Settings) -> Ports:
    """The real adapters, unconnected until they are first used."""
    sidecar = Sidecar(
        http_port=settings.dapr_http_port,
        grpc_port=settings.dapr_grpc_port,
        timeout_s=settings.dapr_timeout_s,
    )
    index, openers, closers = _index(settings)
    checks = sidecar.checks(Component.IMAGE_RECORDS, Component.IMAGES, Component.IMAGE_EVENTS)
    topics = [*lanes(Topic.BLOB_CREATED, settings.lanes), *lanes(Topic.IMAGE_CLASSIFIED, settings.lanes)]
    subscribed = Subscribed(sidecar, Component.IMAGE_EVENTS, topics)
    checks["subscriptions"] = subscribed.check
    return Ports(
        records=Documents(sidecar, Component.IMAGE_RECORDS, ImageRecord),
        blobs=BlobBinding(sidecar, Component.IMAGES),
        catalogue=BlobCatalogue(sidecar, Component.IMAGES),
        index=index,
        checks=checks,
        loops=(subscribed.keep,),
        openers=openers,
        closers=(*closers, sidecar.close),
    )


def _index(settings: Settings) -> tuple[SearchIndex, tuple[Step, ...], tuple[Step, ...]]:
    if settings.search_engine == "sqlite":
        local = SqliteIndex(settings.index_path)
        return local, (local.open,), (local.close,)
    # Imported where it is chosen: on one machine nobody waits for the SDK, or needs it.
    from azure.core.credentials import AzureKeyCredential
    from azure.identity.aio import DefaultAzureCredential

    from services.query.adapters.azure_index import AzureSearchIndex

    key = settings.search_key.get_secret_value()
    credential = AzureKeyCredential(key) if key else DefaultAzureCredential()
    index = AzureSearchIndex(
        settings.search_endpoint, settings.search_index, credential, timeout_s=settings.search_timeout_s
    )
    closers = (
        (index.close,) if isinstance(credential, AzureKeyCredential) else (index.close, credential.close)
    )
    return index, (), closers
