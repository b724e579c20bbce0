"""Composition root of ingest: the only place that constructs adapters."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware
from prometheus_client import CollectorRegistry

from services.contracts.names import AppId, Component
from services.contracts.records import ImageRecord
from services.ingest import afterwards
from services.ingest.adapters.pillow import PillowInspector
from services.ingest.again import Reclassifications
from services.ingest.api import routes
from services.ingest.body import BodyLimits
from services.ingest.deleting import Deletions
from services.ingest.handlers import Uploads
from services.ingest.keeping import Keeper
from services.ingest.limits import RateLimit, Slots
from services.ingest.metrics import UploadMetrics
from services.ingest.ports import Blobs, Events, Records
from services.ingest.reviewing import Reviews
from services.ingest.settings import VISION_MAX_BYTES, Settings
from services.platform.app import base_app
from services.platform.dapr.blobs import BlobBinding
from services.platform.dapr.publisher import Publisher
from services.platform.dapr.sidecar import Sidecar
from services.platform.dapr.state import Documents
from services.platform.health import Check

Close = Callable[[], Awaitable[None]]


@dataclass(frozen=True)
class Ports:
    """Everything outside. ``closers`` run in order at shutdown."""

    records: Records
    blobs: Blobs
    events: Events
    checks: Mapping[str, Check] = field(default_factory=dict)
    closers: tuple[Close, ...] = ()


def create_app(settings: Settings | None = None, ports: Ports | None = None) -> FastAPI:
    """Ingest's app, on Dapr, or on the ``ports`` given. No I/O before it serves."""
    settings = settings or Settings()
    ports = ports or connect(settings)
    registry = CollectorRegistry()
    inspector = PillowInspector(
        threads=settings.decode_threads,
        budget_pixels=settings.decode_budget_pixels,
        timeout_s=settings.decode_timeout_s,
        keep_gps=settings.keep_gps,
        most_bytes=VISION_MAX_BYTES,
    )
    keeper = Keeper(ports.records, ports.blobs, first_uploader_wait_s=settings.first_uploader_wait_s)
    body_limits = BodyLimits(settings.max_upload_bytes, settings.body_timeout_s, settings.body_idle_timeout_s)
    rate_limit = RateLimit(settings.upload_rate_per_s, settings.upload_burst)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        try:
            yield
        finally:
            inspector.close()
            for close in ports.closers:
                await close()

    app = base_app(
        "ingest",
        "Takes pictures in. Each is stored, and classified soon after; query has the results.",
        settings,
        lifespan=lifespan,
        checks=ports.checks,
        registry=registry,
    )
    app.include_router(
        routes(
            Uploads(inspector, keeper),
            body_limits=body_limits,
            rate_limit=rate_limit,
            slots=Slots(settings.max_concurrent_uploads, settings.upload_queue_timeout_s),
            metrics=UploadMetrics(registry),
            query_public_url=settings.query_public_url,
        )
    )
    app.include_router(
        afterwards.routes(
            Reclassifications(ports.records, ports.blobs, ports.events),
            Reviews(ports.records, ports.events),
            Deletions(ports.records, ports.blobs, ports.events),
            body_limits=body_limits,
            rate_limit=rate_limit,
            query_public_url=settings.query_public_url,
        )
    )
    app.add_middleware(
        CORSMiddleware,
        allow_origins=settings.allowed_origins(),
        allow_methods=["POST", "PUT", "DELETE"],
        allow_headers=["Authorization", "Content-Type", "X-Api-Key", "traceparent"],
        expose_headers=["Location", "Retry-After", "traceparent"],
    )
    return app


def connect(settings: Settings) -> Ports:
    """The real adapters, unconnected until they are first used."""
    sidecar = Sidecar(
        http_port=settings.dapr_http_port,
        grpc_port=settings.dapr_grpc_port,
        timeout_s=settings.dapr_timeout_s,
    )
    checks = sidecar.checks(Component.IMAGES, Component.IMAGE_RECORDS)
    return Ports(
        records=Documents(sidecar, Component.IMAGE_RECORDS, ImageRecord),
        blobs=BlobBinding(sidecar, Component.IMAGES),
        events=Publisher(sidecar, Component.IMAGE_EVENTS, AppId.INGEST),
        checks=checks,
        closers=(sidecar.close,),
    )
