"""docs/costs.md."""

from bench import request_units
from bench.capacity.assumptions import Assumptions
from bench.costs import habits as habits_of
from bench.costs import model
from bench.costs.hour import FEATURES1, FEATURES2, PICTURES, first_hour
from bench.costs.prices import PriceList
from bench.markdown import dollars, figure, page, table
from bench.operations import Operations
from bench.sizes import MONTH_DAYS, MONTH_HOURS, MONTH_S, Size

COMMAND = "python -m bench --only costs --write docs"
PROFILES = {"small": "under 5,000", "medium": "500,000", "large": "50,000,000"}
INSTANCES = {"large": "over 200"}
FEATURES = (
    ("tags",),
    ("tags", "caption"),
    ("tags", "objects", "people"),
    ("tags", "caption", "objects", "people", "read"),
)
# emulators/vision/README.md, and `python -m bench.vision`.
TAGS_S = 0.022
NOT_COUNTED = """
- tax, support, discounts, reservations and commitment tiers
- Front Door, further regions and their replication, private endpoints, Premium Service Bus (which the private
  network takes), the vault's operations, alerts and budgets
- downloads of images from the registry, and what people spend
"""


def render(sizes: list[Size], prices: PriceList, operations: Operations) -> str:
    """The whole page."""
    months = [
        model.month(
            size, prices, operations, search=size.name != "small", features=operations.vision_features
        )
        for size in sizes
    ]
    return page(
        _head(prices),
        _summary(months, prices),
        _warnings(months),
        _vision(sizes, prices, operations),
        _hour(prices),
        _operations(operations),
        _units(operations),
        _assumed(),
        _prices(prices),
        "## Not counted",
        NOT_COUNTED,
    )


def _head(prices: PriceList) -> str:
    confirmed = sum(price.confirmed for price in prices.prices.values())
    return f"""# What it costs

Made by `{COMMAND}`: change [bench/prices.yaml](../bench/prices.yaml) or the sizes and run it again. Prices
are Azure's list prices for {prices.region} as believed on {prices.date}. **{confirmed} of {len(prices.prices)} were
confirmed on a page of Microsoft's; the others are not, and what rests on them is marked †: look them up on the pages
named below.** Nothing here was ever billed. A month has {MONTH_DAYS} days, {MONTH_HOURS} hours."""


def _summary(months: list[model.Month], prices: PriceList) -> str:
    rows = [
        ["the article: pictures a month", *(PROFILES[month.size.name] for month in months)],
        ["the article: instances of the compute", *(INSTANCES.get(month.size.name, "–") for month in months)],
        ["here: pictures a month", *(f"{month.size.pictures_per_month:,}" for month in months)],
        ["here: pictures a second, mean", *(figure(month.size.mean_per_s) for month in months)],
        ["here: GB stored a month", *(figure(month.size.pictures_per_month / 1e4) for month in months)],
        ["here: replicas of the classifier, at most", *(str(_replicas(month)) for month in months)],
    ]
    for service in dict.fromkeys(line.service for month in months for line in month.lines):
        lines = [line for month in months for line in month.lines if line.service == service]
        mark = "" if all(line.confirmed for line in lines) else " †"
        rows.append([service + mark, *(_cell(month, service) for month in months)])
    thousand = [month.total / month.size.pictures_per_month * 1000 for month in months]
    rows += [
        ["**a month**", *(f"**{dollars(month.total)}**" for month in months)],
        ["**1,000 pictures**", *(f"**{dollars(each)}**" for each in thousand)],
        ["a month without Vision", *(dollars(month.total - month.of("AI Vision")) for month in months)],
        ["each month that pictures are kept longer", *(dollars(_keeping(month)) for month in months)],
    ]
    return f"""## The three sizes

{table(["", *(month.size.name for month in months)], rows)}

The article's rows are its own profiles at 100 kB a picture. It prices storage, event delivery, compute, Vision
calls, and Cosmos DB's request units and storage; AI Search, logs, egress and the registry are here besides. Medium
and large are with AI Search, small with query's own index. Storage is that of one month's pictures for a whole month.
Why 12 replicas do what the article gives 200 instances: [capacity.md](capacity.md).

Container Apps are priced as active all the time. A replica that only waits counts as idle below 0.01 vCPU; whether
a waiting sidecar stays below is not known. If query's replica always did, small would cost
{dollars(_idle_saves(months[0].size, prices))} less a month."""


def _replicas(month: model.Month) -> int:
    return month.size.classifier.max_replicas


def _cell(month: model.Month, service: str) -> str:
    there = any(line.service == service for line in month.lines)
    return dollars(month.of(service)) if there else "–"


def _keeping(month: model.Month) -> float:
    return sum(line.dollars for line in month.lines if line.what in ("pictures kept", "records kept"))


def _idle_saves(size: Size, prices: PriceList) -> float:
    """For one replica of query, without the grant."""
    vcpu_s = size.query.cpu * MONTH_S
    return prices["container_apps.vcpu_s"].cost(vcpu_s) - prices["container_apps.vcpu_s.idle"].cost(vcpu_s)


def _warnings(months: list[model.Month]) -> str:
    found = [f"- {warning}" for month in months for warning in month.warnings]
    return "**What does not fit as it is deployed:**\n\n" + "\n".join(found) if found else ""


def _vision(sizes: list[Size], prices: PriceList, operations: Operations) -> str:
    rows = []
    for features in FEATURES:
        months = [model.month(size, prices, operations, search=False, features=features) for size in sizes]
        rows.append([", ".join(features), *(dollars(month.of("AI Vision")) for month in months)])
    large = sizes[-1]
    core_s = TAGS_S * large.pictures_per_month
    own = core_s * prices["container_apps.vcpu_s"].tiers[-1].price
    return f"""## What is asked of Vision decides

Each feature of a call is billed as a transaction. `CLAIMLENS_VISION_FEATURES` names them; the last row is the
default.

{table(["features", *(size.name for size in sizes)], rows)}

For comparison: the local engine's tags take {TAGS_S * 1000:.0f} ms of a core for a picture (`python -m bench.vision`),
which is {figure(core_s / 3600)} core-hours for {large.pictures_per_month:,} pictures, {dollars(own)} at Container Apps'
price. It knows 1,000 kinds of things and no captions; how well: emulators/vision/README.md."""


def _hour(prices: PriceList) -> str:
    hour = first_hour(prices)
    rows = [[what, dollars(within), dollars(beyond)] for what, within, beyond in hour]
    within, beyond = sum(row[1] for row in hour), sum(row[2] for row in hour)
    rows.append(["**together**", f"**{dollars(within)}**", f"**{dollars(beyond)}**"])
    features = FEATURES1 + FEATURES2
    free = f"{model.FREE_TRANSACTIONS // features:,}"
    return f"""## One hour

Size small, from `azd up` to `azd down --purge`, {PICTURES} pictures: **{dollars(within)}**, or **{dollars(beyond)}**
where the subscription's free grants are used up.

{table(["", "within the free grants", "grants used up"], rows)}

Size trial is the same with Vision's free tier (F0), of which a subscription has one in a region:
{model.FREE_TRANSACTIONS:,} transactions a month, {free} pictures with {features} features. The registry may be billed
for the whole day ({dollars(prices["registry.basic.days"].cost(1))}). AI Search (Basic) adds
{dollars(prices["search.basic.hours"].cost(1))} an hour."""


def _operations(operations: Operations) -> str:
    rows = [
        [f"{service}: {name} {document}", str(number)] for service, name, document, number in operations.state
    ]
    rows += [
        ["ingest: blob written", str(operations.blob_writes)],
        ["Vision: blob read, by its link", "1"],
        [f"Vision: features ({', '.join(operations.vision_features)})", str(len(operations.vision_features))],
        ["messages published by the services", str(operations.published)],
        ["messages delivered", str(operations.deliveries)],
        ["query: index written", str(operations.index_writes)],
        ["calls through sidecars, in all", str(operations.sidecar_calls)],
        ["log lines", str(operations.log_lines)],
        [
            "Service Bus operations (sent, delivered, completed)",
            str(model.service_bus_operations(operations)),
        ],
    ]
    return f"""## Operations for a picture

Counted by running the services' own code over counting stand-ins (bench/operations.py), for a picture without
trouble. Its record has {operations.first_kb} kB when it is received and {operations.final_kb} kB with an analysis, its
document in AI Search {operations.index_kb} kB.

{table(["operation", "number"], rows)}"""


def _units(operations: Operations) -> str:
    rows = [
        [what, str(number), figure(number * units)] for what, number, units in request_units.rows(operations)
    ]
    rows.append(["together", "", figure(request_units.per_picture(operations))])
    return f"""### Request units of Cosmos DB

{table(["what", "number", "units"], rows)}

From Azure's own examples (bench/request_units.py); bounded staleness doubles reads, and nothing is indexed. A deployed
system tells the charge of every request: compare."""


def _assumed() -> str:
    return f"""## Assumptions

For each picture, where nothing else is said. How uploads spread over the day is in
[capacity.md](capacity.md#assumptions); the busiest hour has {Assumptions().peak:.2f} times the day's mean.

{table(["what", "value", "source"], habits_of.table(habits_of.Habits()))}"""


def _prices(prices: PriceList) -> str:
    rows = [
        [
            f"`{price.name}`",
            price.shown(),
            "yes" if price.confirmed else "no",
            f"[{price.title}]({price.address})",
        ]
        for price in prices.prices.values()
    ]
    return f"""## Prices

{table(["name", "price", "confirmed", "page"], rows)}"""
