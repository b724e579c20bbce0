"""What ingest counts."""

from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, Counter

from services.platform.errors import ServiceError


class UploadMetrics:
    """Uploads by outcome: ``accepted``, ``already-known``, or the code of the problem; bytes of the accepted."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.uploads = Counter("claimlens_uploads", "Uploads", ["outcome"], registry=registry)
        self.bytes = Counter("claimlens_upload_bytes", "Bytes of pictures stored", registry=registry)

    @contextmanager
    def refusals(self) -> Iterator[None]:
        """Counts the error that ends an upload, and lets it pass."""
        try:
            yield
        except ServiceError as error:
            self.uploads.labels(error.code).inc()
            raise
        except Exception:
            self.uploads.labels(ServiceError.code).inc()
            raise

    def accepted(self, *, already_known: bool, size: int) -> None:
        self.uploads.labels("already-known" if already_known else "accepted").inc()
        if not already_known:
            self.bytes.inc(size)
