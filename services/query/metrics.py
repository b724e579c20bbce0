"""What query counts."""

from prometheus_client import CollectorRegistry, Gauge, Histogram

from services.platform.deliveries import DeliveryMetrics


class QueryMetrics(DeliveryMetrics):
    def __init__(self, registry: CollectorRegistry) -> None:
        super().__init__(registry)
        self.search_seconds = Histogram(
            "claimlens_search_seconds",
            "Time of a search in the index, seconds",
            registry=registry,
            buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5),
        )
        self.event_clients = Gauge("claimlens_event_clients", "Open event streams", registry=registry)
