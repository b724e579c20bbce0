"""Composition root of the classifier: the only place that constructs adapters."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from fastapi import FastAPI
from prometheus_client import CollectorRegistry

from services.classifier.adapters.engine import Close, EngineContext
from services.classifier.adapters.image_link_bytes import BytesThroughDapr
from services.classifier.adapters.image_link_presign import PresignedLink
from services.classifier.claims import Claims
from services.classifier.engines import build_engines
from services.classifier.handlers import Classifier
from services.classifier.labels.source import RuleSource
from services.classifier.metrics import ClassifierMetrics
from services.classifier.ports import (
    ClaimDocument,
    ClaimStore,
    EventPublisher,
    ImageAnalyzer,
    ImageLink,
    Records,
)
from services.classifier.settings import Settings
from services.classifier.subscriptions import subscribe
from services.contracts.names import CONTAINER, AppId, Component, Topic, lanes
from services.contracts.records import ImageRecord
from services.platform.app import base_app
from services.platform.background import Loop, in_background
from services.platform.dapr.blobs import BlobBinding
from services.platform.dapr.publisher import Publisher
from services.platform.dapr.sidecar import Sidecar
from services.platform.dapr.state import Documents
from services.platform.dapr.subscribed import Subscribed
from services.platform.health import Check


@dataclass(frozen=True)
class Ports:
    """Everything outside. The first of ``analyzers`` is the primary. ``loops`` run while the service does; ``closers``
    at shutdown, the last first.
    """

    records: Records
    claims: ClaimStore
    link: ImageLink
    analyzers: tuple[ImageAnalyzer, ...]
    publisher: EventPublisher
    checks: Mapping[str, Check] = field(default_factory=dict)
    loops: tuple[Loop, ...] = ()
    closers: tuple[Close, ...] = ()


def create_app(settings: Settings | None = None, ports: Ports | None = None) -> FastAPI:
    """The classifier's app, on Dapr and the engines, or on the ``ports`` given.

    No I/O before it serves, save reading the label rules. Raises BadEngine, BadRules.
    """
    settings = settings or Settings()
    registry = CollectorRegistry()
    metrics = ClassifierMetrics(registry)
    rules = RuleSource(settings.label_rules, metrics)
    ports = ports or connect(settings, metrics)
    classifier = Classifier(
        records=ports.records,
        claims=Claims(ports.claims, owner=settings.owner(), ttl_s=settings.claim_ttl_s),
        link=ports.link,
        analyzers=ports.analyzers,
        publisher=ports.publisher,
        rules=rules,
    )

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        try:
            async with rules.watched(), in_background(ports.loops):
                yield
        finally:
            for close in reversed(ports.closers):
                await close()

    app = base_app(
        "classifier",
        "Has each new picture classified. Driven by events; see /dapr/subscribe.",
        settings,
        lifespan=lifespan,
        checks={
            **ports.checks,
            **{analyzer.engine: analyzer.check for analyzer in ports.analyzers},
            "label-rules": rules.check,
        },
        registry=registry,
    )
    subscribe(app, classifier, metrics, lane_count=settings.lanes)
    return app


def connect(settings: Settings, metrics: ClassifierMetrics) -> Ports:
    """The real adapters, unconnected until they are first used. Raises BadEngine."""
    sidecar = Sidecar(
        http_port=settings.dapr_http_port,
        grpc_port=settings.dapr_grpc_port,
        timeout_s=settings.dapr_timeout_s,
    )
    context = EngineContext(settings, metrics, [sidecar.close])
    checks = sidecar.checks(Component.IMAGE_EVENTS, Component.IMAGE_RECORDS, Component.IMAGES)
    topics = [*lanes(Topic.BLOB_CREATED, settings.lanes), Topic.BLOB_CREATED_DEAD]
    subscribed = Subscribed(sidecar, Component.IMAGE_EVENTS, topics)
    checks["subscriptions"] = subscribed.check
    return Ports(
        records=Documents(sidecar, Component.IMAGE_RECORDS, ImageRecord),
        claims=Documents(sidecar, Component.IMAGE_RECORDS, ClaimDocument),
        link=_link(BlobBinding(sidecar, Component.IMAGES), context),
        analyzers=build_engines(settings.engines, context),
        publisher=Publisher(sidecar, Component.IMAGE_EVENTS, AppId.CLASSIFIER),
        checks=checks,
        loops=(subscribed.keep,),
        closers=tuple(context.closers),
    )


def _link(blobs: BlobBinding, context: EngineContext) -> ImageLink:
    settings = context.settings
    if settings.image_link == "bytes":
        return BytesThroughDapr(blobs)
    if settings.image_link == "presign":
        return PresignedLink(blobs, ttl_s=settings.link_ttl_s)
    # Importing it takes half a second, and one machine has no use for it.
    from services.classifier.adapters.image_link_user_delegation import connect_user_delegation

    link, close = connect_user_delegation(
        settings.storage_account_url,
        context.credential(),
        container=CONTAINER,
        ttl_s=settings.link_ttl_s,
        timeout_s=settings.dapr_timeout_s,
    )
    context.closers.append(close)
    return link
