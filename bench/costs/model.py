"""Quantities of a month, and what they cost."""

from dataclasses import dataclass
from math import ceil

from bench import request_units
from bench.capacity.assumptions import Assumptions
from bench.capacity.demand import day
from bench.costs.habits import Habits
from bench.costs.prices import PriceList
from bench.costs.replicas import ReplicaSeconds, of_day
from bench.operations import SUBSCRIPTIONS, Operations
from bench.sizes import MONTH_DAYS, MONTH_HOURS, Size

# How Azure groups the features of Image Analysis; each feature of a call is a transaction.
GROUP2 = frozenset({"caption", "denseCaptions", "read"})
FREE_RETENTION_DAYS = 31
# A month, of Vision's tier F0.
FREE_TRANSACTIONS = 5_000


@dataclass(frozen=True)
class Line:
    """``price``: its name in the list; ``quantity`` in that price's units."""

    service: str
    what: str
    price: str
    quantity: float
    dollars: float
    confirmed: bool


@dataclass(frozen=True)
class Month:
    """``warnings``: where the deployment as it is cannot do what is priced."""

    size: Size
    lines: tuple[Line, ...]
    warnings: tuple[str, ...]

    @property
    def total(self) -> float:
        return sum(line.dollars for line in self.lines)

    def of(self, service: str) -> float:
        return sum(line.dollars for line in self.lines if line.service == service)


def month(
    size: Size,
    prices: PriceList,
    operations: Operations,
    *,
    search: bool,
    habits: Habits | None = None,
    assumptions: Assumptions | None = None,
    features: tuple[str, ...] | None = None,
) -> Month:
    """``features``: asked of Vision; None: as the classifier is set up."""
    habits, assumptions = habits or Habits(), assumptions or Assumptions()
    day_s = of_day(size, habits, assumptions)
    asked = operations.vision_features if features is None else features
    quantities = [
        *_storage(size, habits, operations),
        *_events(size, habits, operations),
        *_apps(size, habits, day_s),
        *_vision(size, asked),
        *_cosmos(size, habits, assumptions, operations),
        *(_search(size) if search else ()),
        *_rest(size, habits, operations),
    ]
    lines = []
    for service, what, name, quantity in quantities:
        price = prices[name]
        lines.append(Line(service, what, name, quantity, price.cost(quantity), price.confirmed))
    return Month(size, tuple(lines), tuple(_warnings(size, habits, operations, asked, search)))


Quantity = tuple[str, str, str, float]
"""Service, what, price, quantity."""


def _storage(size: Size, habits: Habits, operations: Operations) -> list[Quantity]:
    kind = "lrs" if size.storage_sku == "Standard_LRS" else "zrs"
    pictures = size.pictures_per_month
    return [
        ("Blob Storage", "pictures kept", f"storage.{kind}.gb_month", pictures * habits.picture_kb / 1e6),
        ("Blob Storage", "writes", f"storage.{kind}.writes", pictures * operations.blob_writes),
        # Vision fetches each picture once.
        ("Blob Storage", "reads", "storage.reads", pictures * (1 + habits.views)),
    ]


def service_bus_operations(operations: Operations) -> int:
    """For a picture: Event Grid's send and ours; for each subscription, a delivery and its completion."""
    return 1 + operations.published + 2 * operations.deliveries


def service_bus_credits(operations: Operations) -> int:
    """For a picture, as Standard counts them: a message sent, a filter looked at, a message received."""
    filters = sum(len(each) for each in SUBSCRIPTIONS.values())
    return 1 + operations.published + filters + operations.deliveries


def _events(size: Size, habits: Habits, operations: Operations) -> list[Quantity]:
    pictures = size.pictures_per_month
    return [
        ("Event Grid", "operations", "event_grid.operations", pictures * habits.event_grid_operations),
        ("Service Bus", "namespace", "service_bus.standard.hours", MONTH_HOURS),
        (
            "Service Bus",
            "operations",
            "service_bus.standard.operations",
            pictures * service_bus_operations(operations),
        ),
    ]


def _apps(size: Size, habits: Habits, day_s: ReplicaSeconds) -> list[Quantity]:
    used = [(size.ingest, day_s.ingest), (size.classifier, day_s.classifier), (size.query, day_s.query)]
    requests = 1 + habits.lookups + habits.searches + habits.views
    return [
        ("Container Apps", "vCPU", "container_apps.vcpu_s", MONTH_DAYS * sum(app.cpu * s for app, s in used)),
        (
            "Container Apps",
            "memory",
            "container_apps.gib_s",
            MONTH_DAYS * sum(app.memory_gib * s for app, s in used),
        ),
        ("Container Apps", "requests", "container_apps.requests", size.pictures_per_month * requests),
    ]


def _vision(size: Size, features: tuple[str, ...]) -> list[Quantity]:
    # A call that is refused or fails costs nothing.
    second = sum(feature in GROUP2 for feature in features)
    first = len(features) - second
    pictures = size.pictures_per_month
    return [
        ("AI Vision", "tags, objects, people, crops", "vision.group1", pictures * first),
        ("AI Vision", "captions, text", "vision.group2", pictures * second),
    ]


def _cosmos(size: Size, habits: Habits, assumptions: Assumptions, operations: Operations) -> list[Quantity]:
    units = request_units.per_picture(operations) + habits.lookups * request_units.read(operations.final_kb)
    pictures = size.pictures_per_month
    kept = ("Cosmos DB", "records kept", "cosmos.gb_month", pictures * operations.final_kb / 1e6)
    if size.cosmos_serverless:
        return [("Cosmos DB", "request units", "cosmos.serverless.ru", pictures * units), kept]
    week = [day(size.mean_per_s, assumptions, weekday=weekday) for weekday in range(7)]
    # Billed by the hour for the highest that was needed, a tenth of the maximum at least.
    hours = [
        max(rate(hour * 3600 + minute * 60) for minute in range(0, 60, 10))
        for rate in week
        for hour in range(24)
    ]
    least, most = size.cosmos_max_ru / 10, float(size.cosmos_max_ru)
    billed = sum(min(max(per_s * units, least), most) for per_s in hours) * MONTH_DAYS / 7
    return [("Cosmos DB", "throughput", "cosmos.autoscale.ru_hours", billed), kept]


def index_gb(size: Size, habits: Habits, operations: Operations) -> float:
    """A month's pictures in AI Search."""
    return size.pictures_per_month * operations.index_kb * habits.index_factor / 1e6


def partition_gb(size: Size, habits: Habits) -> float:
    """What a partition of AI Search holds."""
    return habits.partition_gb_basic if size.search_sku == "basic" else habits.partition_gb_standard


def partitions(size: Size, habits: Habits, operations: Operations) -> int:
    """What a month's pictures take."""
    return max(1, ceil(index_gb(size, habits, operations) / partition_gb(size, habits)))


def _search(size: Size) -> list[Quantity]:
    units = size.search_partitions
    return [("AI Search", f"{units} search units", f"search.{size.search_sku}.hours", units * MONTH_HOURS)]


def logs_gb(size: Size, habits: Habits, operations: Operations) -> float:
    """A month's logs and traces."""
    each_kb = operations.log_bytes / 1000 * habits.log_factor
    each_kb += operations.sidecar_calls * habits.spans * habits.span_kb
    return habits.platform_logs_gb + size.pictures_per_month * each_kb / 1e6


def _rest(size: Size, habits: Habits, operations: Operations) -> list[Quantity]:
    stored = logs_gb(size, habits, operations)
    longer = max(0, size.log_retention_days - FREE_RETENTION_DAYS) / MONTH_DAYS
    out_kb = habits.views * habits.picture_kb + (habits.lookups + 10 * habits.searches) * operations.final_kb
    return [
        ("Log Analytics", "logs and traces", "logs.gb", stored),
        ("Log Analytics", "kept longer", "logs.retention.gb_month", stored * longer),
        ("Egress", "answers and pictures", "egress.gb", size.pictures_per_month * out_kb / 1e6),
        ("Registry", "images", f"registry.{size.registry_sku.lower()}.days", MONTH_DAYS),
    ]


def _warnings(
    size: Size, habits: Habits, operations: Operations, features: tuple[str, ...], search: bool
) -> list[str]:
    found = []
    transactions = size.pictures_per_month * len(features)
    if size.vision_sku == "F0" and transactions > FREE_TRANSACTIONS:
        found.append(
            f"{size.name}: the free Vision tier (F0) has {FREE_TRANSACTIONS:,} transactions a month, and "
            f"{size.pictures_per_month:,} pictures with {len(features)} features are {transactions:,}. It suffices for "
            f"{FREE_TRANSACTIONS // len(features):,} pictures; the table has S1's price."
        )
    if search and (units := partitions(size, habits, operations)) > size.search_partitions:
        gigabytes = index_gb(size, habits, operations)
        found.append(
            f"{size.name}: AI Search's index of a month is {gigabytes:,.0f} GB, {units} partitions; Bicep makes "
            f"{size.search_partitions} (`searchPartitions` in deploy/bicep/sizes/{size.name}.json), and the table has "
            "the price of those."
        )
    return found
