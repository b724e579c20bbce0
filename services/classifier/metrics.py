"""What the classifier counts."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from services.platform.deliveries import DeliveryMetrics


class ClassifierMetrics(DeliveryMetrics):
    def __init__(self, registry: CollectorRegistry) -> None:
        super().__init__(registry)
        self.vision_calls = Counter(
            "claimlens_vision_calls",
            "Calls of an engine, by result",
            ["engine", "account", "result"],
            registry=registry,
        )
        self.vision_seconds = Histogram(
            "claimlens_vision_seconds",
            "Time of a call of an engine, seconds",
            ["engine", "account"],
            registry=registry,
            buckets=(0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10, 20),
        )
        self.label_rules_current = Gauge(
            "claimlens_label_rules_current",
            "1 if the label rules in force are those of the file, 0 if its present version was refused",
            registry=registry,
        )
        self.label_rules_loads = Counter(
            "claimlens_label_rules_loads",
            "New versions of the label rules since the start, by result",
            ["result"],
            registry=registry,
        )
        for result in ("loaded", "refused"):
            self.label_rules_loads.labels(result)
