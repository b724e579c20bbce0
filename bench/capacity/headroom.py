"""What each resource bears at size large, and at how many pictures a month it breaks."""

from dataclasses import dataclass
from math import inf

from bench import request_units
from bench.capacity.assumptions import Assumptions
from bench.costs.habits import Habits
from bench.costs.model import index_gb, partition_gb, service_bus_credits
from bench.costs.replicas import TO_QUERY
from bench.operations import Operations
from bench.sizes import Size

SERVICE_BUS_CREDITS = 1000
ENVIRONMENT_CORES, ENVIRONMENT_CORES_MOST = 100, 5000
STORAGE_REQUESTS = 20_000
STORAGE_TIB = 5 * 1024
EVENTS_PER_S = 5_000
GB_FOR_RU = 10
EPHEMERAL_GIB = 8
# With the sample record of bench/operations.py, 2,000 pictures: 3.1 kB each, full text included.
SQLITE_KB = 4


@dataclass(frozen=True)
class Resource:
    """``limit`` and ``used`` in ``unit``; ``used`` of a stock is a month's, of a flow the busiest hour's.

    ``breaks_at``: pictures a month, spread as assumed; of a stock, pictures kept. ``lift``: what raises the limit.
    """

    name: str
    unit: str
    limit: float
    mean: float
    used: float
    breaks_at: float
    stock: bool
    lift: str
    source: str


def resources(
    size: Size, operations: Operations, assumptions: Assumptions | None = None, habits: Habits | None = None
) -> list[Resource]:
    """The first to break first."""
    assumptions, habits = assumptions or Assumptions(), habits or Habits()
    mean_s = sum(assumptions.vision_s) / len(assumptions.vision_s) + assumptions.around_s
    replicas = size.classifier.max_replicas
    units = request_units.per_picture(operations) + habits.lookups * request_units.read(operations.final_kb)
    requests_per_picture = 2 + habits.views

    def flow(name: str, unit: str, limit: float, each: float, lift: str, source: str) -> Resource:
        mean = size.mean_per_s * each
        used = mean * assumptions.busiest
        return Resource(
            name, unit, limit, mean, used, size.pictures_per_month * limit / used, False, lift, source
        )

    def stock(name: str, unit: str, limit: float, month: float, lift: str, source: str) -> Resource:
        breaks_at = size.pictures_per_month * limit / month if month else inf
        return Resource(name, unit, limit, month, month, breaks_at, True, lift, source)

    per_replica = size.share_per_s * size.accounts
    found = [
        flow(
            "AI Vision, calls",
            "calls/s",
            size.vision_calls_per_s,
            1.0,
            "more accounts (sizes/large.json), a region more, or 50/s and more an account by a support request",
            "10/s an account: sizes/large.json; Azure AI Vision FAQ says up to 20 with S1",
        ),
        flow(
            "classifier, handlers",
            "pictures in flight",
            replicas * size.handlers,
            mean_s,
            "replicas follow the accounts; `handlers` in sizes/large.json",
            "sizes/large.json; Vision's time is assumed",
        ),
        flow(
            f"query, handlers of {size.query.max_replicas} replicas",
            "deliveries in flight",
            size.handlers * size.query.max_replicas,
            TO_QUERY * assumptions.index_s,
            "`maxReplicas` in sizes/large.json",
            "sizes/large.json, scaled by deploy/bicep/query.bicep; the time is assumed",
        ),
        flow(
            "Service Bus Standard, credits",
            "credits/s",
            SERVICE_BUS_CREDITS,
            service_bus_credits(operations),
            "Premium (messaging units)",
            "Throttling operations on Azure Service Bus",
        ),
        flow(
            "Cosmos DB, throughput",
            "RU/s",
            size.cosmos_max_ru,
            units,
            "`autoscaleMaxRu` in sizes/large.json",
            "sizes/large.json; units are estimated",
        ),
        flow(
            "ingest, places for uploads",
            "uploads in flight",
            size.ingest.max_replicas * size.ingest.target,
            assumptions.upload_s,
            "`maxReplicas` in sizes/large.json",
            "sizes/large.json; the time is assumed",
        ),
        flow(
            "cores of classifier's environment",
            "cores",
            ENVIRONMENT_CORES,
            size.classifier.cpu / per_replica,
            f"a quota of up to {ENVIRONMENT_CORES_MOST:,} cores, by request",
            "Quotas for Azure Container Apps",
        ),
        flow(
            "Event Grid, events",
            "events/s",
            EVENTS_PER_S,
            1.0,
            "several storage accounts, each with its system topic",
            "custom topics' limit; a system topic's is not confirmed",
        ),
        flow(
            "Blob Storage, requests",
            "requests/s",
            STORAGE_REQUESTS,
            requests_per_picture,
            "several storage accounts",
            "scalability targets of storage accounts, not confirmed",
        ),
        stock(
            "query without AI Search: its own disk",
            "GiB",
            EPHEMERAL_GIB,
            size.pictures_per_month * SQLITE_KB / 1024**2,
            "AI Search",
            "ephemeral storage of a replica with 2 vCPU, not confirmed; kB for a picture measured",
        ),
        stock(
            f"AI Search, {size.search_partitions} S1 partitions",
            "GB",
            size.search_partitions * partition_gb(size, habits),
            index_gb(size, habits, operations),
            "`searchPartitions` in sizes/large.json, up to 12; S2, S3",
            "Service limits in Azure AI Search, not confirmed",
        ),
        stock(
            "Cosmos DB, records for its throughput",
            "GB",
            size.cosmos_max_ru / GB_FOR_RU,
            size.pictures_per_month * operations.final_kb / 1e6,
            "a higher maximum: it must be 10 RU/s for each GB at least",
            "autoscale throughput in Azure Cosmos DB, not confirmed",
        ),
        stock(
            "Blob Storage, capacity",
            "TiB",
            STORAGE_TIB,
            size.pictures_per_month * habits.picture_kb / 1024**3,
            "several storage accounts",
            "scalability targets of storage accounts, not confirmed",
        ),
    ]
    return sorted(found, key=lambda each: each.breaks_at)
