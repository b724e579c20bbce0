"""Composition root of the classifier: the only place that constructs adapters."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from azure.core.credentials import AzureKeyCredential
from azure.identity.aio import DefaultAzureCredential
from azure.storage.blob.aio import BlobServiceClient
from fastapi import FastAPI
from prometheus_client import CollectorRegistry

from services.classifier.adapters.image_link_bytes import BytesThroughDapr
from services.classifier.adapters.image_link_presign import PresignedLink
from services.classifier.adapters.image_link_user_delegation import UserDelegationLink
from services.classifier.adapters.measured import MeasuredAnalyzer
from services.classifier.adapters.vision_azure import AzureVision
from services.classifier.claims import Claims
from services.classifier.handlers import Classifier
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
from services.contracts.names import CONTAINER, AppId, Component
from services.contracts.records import ImageRecord
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
    claims: ClaimStore
    link: ImageLink
    analyzer: ImageAnalyzer
    publisher: EventPublisher
    checks: Mapping[str, Check] = field(default_factory=dict)
    closers: tuple[Close, ...] = ()


def create_app(settings: Settings, ports: Ports | None = None) -> FastAPI:
    """The classifier's app, on Dapr and Vision, or on the ``ports`` given. No I/O before it serves."""
    ports = ports or connect(settings)
    registry = CollectorRegistry()
    metrics = ClassifierMetrics(registry)
    classifier = Classifier(
        records=ports.records,
        claims=Claims(ports.claims, owner=settings.owner(), ttl_s=settings.claim_ttl_s),
        link=ports.link,
        analyzer=MeasuredAnalyzer(ports.analyzer, metrics),
        publisher=ports.publisher,
    )

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        try:
            yield
        finally:
            for close in ports.closers:
                await close()

    app = base_app(
        "classifier",
        "Has each new picture classified. Driven by events; see /dapr/subscribe.",
        settings,
        lifespan=lifespan,
        checks={**ports.checks, "vision": ports.analyzer.check},
        registry=registry,
    )
    subscribe(app, classifier, metrics, lane_count=settings.lanes)
    return app


def connect(settings: Settings) -> Ports:
    """The real adapters, unconnected until they are first used."""
    sidecar = Sidecar(
        http_port=settings.dapr_http_port,
        grpc_port=settings.dapr_grpc_port,
        timeout_s=settings.dapr_timeout_s,
    )
    credential = DefaultAzureCredential()
    link, close_link = _link(settings, BlobBinding(sidecar, Component.IMAGES), credential)
    key = settings.vision_key.get_secret_value()
    vision = AzureVision(
        settings.vision_endpoint,
        AzureKeyCredential(key) if key else credential,
        features=settings.vision_features,
        timeout_s=settings.vision_timeout_s,
        people_min_confidence=settings.vision_people_min_confidence,
        language=settings.vision_language,
        gender_neutral_caption=settings.vision_gender_neutral_caption,
        model_version=settings.vision_model_version,
    )
    needed = (Component.IMAGE_EVENTS, Component.IMAGE_RECORDS, Component.IMAGES)
    checks: dict[str, Check] = {"sidecar": sidecar.check}
    for component in needed:
        checks[component] = lambda component=component: sidecar.check_component(component)  # type: ignore[misc]
    return Ports(
        records=Documents(sidecar, Component.IMAGE_RECORDS, ImageRecord),
        claims=Documents(sidecar, Component.IMAGE_RECORDS, ClaimDocument),
        link=link,
        analyzer=vision,
        publisher=Publisher(sidecar, Component.IMAGE_EVENTS, AppId.CLASSIFIER),
        checks=checks,
        closers=(*close_link, vision.close, credential.close, sidecar.close),
    )


def _link(
    settings: Settings, blobs: BlobBinding, credential: DefaultAzureCredential
) -> tuple[ImageLink, tuple[Close, ...]]:
    if settings.image_link == "bytes":
        return BytesThroughDapr(blobs), ()
    if settings.image_link == "presign":
        return PresignedLink(blobs, ttl_s=settings.link_ttl_s), ()
    account = BlobServiceClient(settings.storage_account_url, credential, retry_total=1)
    link = UserDelegationLink(
        account.get_user_delegation_key,
        account_url=settings.storage_account_url,
        container=CONTAINER,
        ttl_s=settings.link_ttl_s,
        timeout_s=settings.dapr_timeout_s,
    )
    return link, (account.close,)
