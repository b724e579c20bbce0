"""An hour of trying it, at size small."""

from bench.costs.prices import PriceList
from bench.sizes import read

PICTURES = 20
FEATURES1, FEATURES2 = 3, 2
# From the first picture until KEDA lets the classifier go.
CLASSIFIER_S = INGEST_S = 1_800


def first_hour(prices: PriceList) -> list[tuple[str, float, float]]:
    """What, dollars within the subscription's free grants, and without them."""
    size = read("small")
    used = [(size.query, 3600), (size.ingest, INGEST_S), (size.classifier, CLASSIFIER_S)]
    vcpu_s = sum(app.cpu * seconds for app, seconds in used)
    gib_s = sum(app.memory_gib * seconds for app, seconds in used)
    counted = [
        ("Service Bus, namespace", ("service_bus.standard.hours", 1.0)),
        ("Registry", ("registry.basic.days", 1 / 24)),
        ("Container Apps, vCPU", ("container_apps.vcpu_s", vcpu_s)),
        ("Container Apps, memory", ("container_apps.gib_s", gib_s)),
        ("Logs", ("logs.gb", 0.02)),
    ]
    rows = [
        (what, prices[name].cost(quantity), prices[name].without_free().cost(quantity))
        for what, (name, quantity) in counted
    ]
    vision = prices["vision.group1"].cost(PICTURES * FEATURES1) + prices["vision.group2"].cost(
        PICTURES * FEATURES2
    )
    rows.append((f"Vision, {PICTURES} pictures", vision, vision))
    rows.append(("Cosmos DB (serverless), storage, Event Grid", 0.001, 0.001))
    return rows
