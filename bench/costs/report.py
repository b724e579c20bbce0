"""docs/costs.md."""

from bench import request_units
from bench.capacity.assumptions import Assumptions
from bench.costs import habits as habits_of
from bench.costs import model
from bench.costs.hour import first_hour
from bench.costs.prices import PriceList
from bench.markdown import dollars, figure, table
from bench.operations import Operations
from bench.sizes import MONTH_DAYS, MONTH_HOURS, Size

COMMAND = "python -m bench costs --write docs"
FEATURES = (("tags",), ("tags", "caption"), ("tags", "objects", "people"), ("tags", "caption", "objects", "people", "read"))
NOT_COUNTED = (
    "tax, support, discounts, reservations and commitment tiers",
    "Front Door, further regions and their replication, private endpoints, Premium Service Bus (which the private network "
    "takes), the vault's operations, alerts and budgets",
    "downloads of images from the registry, and what people spend",
)


def render(sizes: list[Size], prices: PriceList, operations: Operations) -> str:
    """The whole page."""
    months = [_month(size, prices, operations) for size in sizes]
    parts = [_head(prices), _summary(months), _warnings(months), _vision(sizes, prices, operations)]
    parts += [_hour(prices), _operations(operations), _units(operations), _assumed(), _prices(prices), _rest()]
    return "\n\n".join(part for part in parts if part) + "\n"


def _month(size: Size, prices: PriceList, operations: Operations) -> model.Month:
    return model.month(size, prices, operations, search=size.name != "small")


def _head(prices: PriceList) -> str:
    confirmed = sum(price.confirmed for price in prices.prices.values())
    return f"""# What it costs

Made by `{COMMAND}`: change [bench/prices.yaml](../bench/prices.yaml) or the sizes and run it again. Prices are Azure's list
prices for {prices.region} as believed on {prices.date}. **{confirmed} of {len(prices.prices)} were confirmed on a page of
Microsoft's; the others are from memory of the pages named below, and are marked † in the table.** Nothing here was ever billed.
A month has {MONTH_DAYS} days, {MONTH_HOURS} hours."""


def _summary(months: list[model.Month]) -> str:
    services = list(dict.fromkeys(line.service for month in months for line in month.lines))
    profile = {"small": "under 5,000", "medium": "500,000", "large": "50,000,000"}
    instances = {"small": "–", "medium": "–", "large": "over 200"}
    rows = [
        ["the article: pictures a month", *(profile[month.size.name] for month in months)],
        ["the article: instances of the compute", *(instances[month.size.name] for month in months)],
        ["here: pictures a month", *(f"{month.size.pictures_per_month:,}" for month in months)],
        ["here: pictures a second, mean", *(figure(month.size.mean_per_s) for month in months)],
        ["here: stored a month, GB", *(figure(month.size.pictures_per_month / 1e4) for month in months)],
        ["here: replicas of the classifier, at most", *(str(month.size.classifier.max_replicas) for month in months)],
    ]
    for service in services:
        mark = "" if all(line.confirmed for month in months for line in month.lines if line.service == service) else " †"
        rows.append([service + mark, *(dollars(month.of(service)) if month.of(service) or _has(month, service) else "–" for month in months)])
    rows.append(["**a month**", *(f"**{dollars(month.total)}**" for month in months)])
    rows.append(["**1,000 pictures**", *(f"**{dollars(month.total / month.size.pictures_per_month * 1000)}**" for month in months)])
    without = [month.total - month.of("AI Vision") for month in months]
    rows.append(["without Vision, a month", *map(dollars, without)])
    kept = [_keeping(month) for month in months]
    rows.append(["each month that pictures are kept longer", *map(dollars, kept)])
    return f"""## The three sizes

{table(["", *(month.size.name for month in months)], rows)}

The article's rows are its own profiles at 100 kB a picture. It prices storage, event delivery, compute, Vision calls, and Cosmos
DB's request units and storage; AI Search, logs, egress and the registry are here besides. Medium and large have
AI Search, small has query's own index. Storage is that of one month's pictures for a whole month. Why 12 replicas do what
the article gives 200 instances: [capacity.md](capacity.md).

Container Apps are priced as active all the time: a replica that waits for messages may or may not count as idle (under 0.01 vCPU).
If query's one replica does, small costs about $54 less."""


def _has(month: model.Month, service: str) -> bool:
    return any(line.service == service for line in month.lines)


def _keeping(month: model.Month) -> float:
    return sum(line.dollars for line in month.lines if line.what in ("pictures kept", "records kept"))


def _warnings(months: list[model.Month]) -> str:
    found = [warning for month in months for warning in month.warnings]
    return "**What does not fit as it is deployed:**\n\n" + "\n".join(f"- {warning}" for warning in found) if found else ""


def _vision(sizes: list[Size], prices: PriceList, operations: Operations) -> str:
    rows = []
    for features in FEATURES:
        months = [model.month(size, prices, operations, search=False, features=features) for size in sizes]
        rows.append([", ".join(features), *(dollars(month.of("AI Vision")) for month in months)])
    return f"""## What is asked of Vision decides

Each feature of a call is billed as a transaction. `CLAIMLENS_VISION_FEATURES` names them; the last row is the default.

{table(["features", *(size.name for size in sizes)], rows)}

Beyond some hundred thousand pictures a month a model of one's own is cheaper: the local engine takes 20 ms of one core for
tags (`python -m bench.vision`), about {figure(0.02 * 50_000_000 / 3600)} core-hours for 50,000,000 pictures."""


def _hour(prices: PriceList) -> str:
    hour = first_hour(prices)
    rows = [[what, dollars(within), dollars(beyond)] for what, within, beyond in hour]
    rows.append(["**together**", f"**{dollars(sum(row[1] for row in hour))}**", f"**{dollars(sum(row[2] for row in hour))}**"])
    return f"""## One hour

Size small, from `azd up` to `azd down --purge`, twenty pictures:

{table(["", "within the free grants", "grants used up"], rows)}

The registry may be billed for the whole day ({dollars(prices["registry.basic.days"].cost(1))}). AI Search (Basic) adds
{dollars(prices["search.basic.hours"].cost(1))} an hour."""


def _operations(operations: Operations) -> str:
    rows = [[f"{service}: {name} {document}", str(number)] for service, name, document, number in operations.state]
    rows += [
        ["ingest: blob written", str(operations.blob_writes)],
        ["Vision: blob read, by its link", "1"],
        [f"Vision: features ({', '.join(operations.vision_features)})", str(len(operations.vision_features))],
        ["messages published", str(operations.published)],
        ["messages delivered", str(operations.deliveries)],
        ["query: index written", str(operations.index_writes)],
        ["calls through sidecars, in all", str(operations.sidecar_calls)],
        ["log lines", str(operations.log_lines)],
        ["Service Bus operations (sent, delivered, completed)", str(model.service_bus_operations(operations))],
    ]
    return f"""## Operations for a picture

Counted by running the services' own code over counting stand-ins (bench/operations.py), for a picture without trouble.
Its record has {operations.first_kb} kB when it is received and {operations.final_kb} kB with an analysis, its document in
AI Search {operations.index_kb} kB.

{table(["operation", "number"], rows)}"""


def _units(operations: Operations) -> str:
    rows = [[what, str(number), figure(number * units)] for what, number, units in request_units.rows(operations)]
    rows.append(["together", "", figure(request_units.per_picture(operations))])
    return f"""### Request units of Cosmos DB

{table(["what", "number", "units"], rows)}

From Azure's own examples (bench/request_units.py); bounded staleness doubles reads, and nothing is indexed. A deployed system
tells the charge of every request: compare."""


def _assumed() -> str:
    rows = habits_of.table(habits_of.Habits())
    asleep = Assumptions()
    return f"""## Assumptions

For each picture, where nothing else is said. How uploads spread over the day is in [capacity.md](capacity.md) (busiest hour:
{asleep.peak:.2f} times the day's mean).

{table(["what", "value", "source"], rows)}"""


def _prices(prices: PriceList) -> str:
    rows = [
        [f"`{price.name}`", price.shown(), "yes" if price.confirmed else "no", f"[{price.title}]({price.address})"]
        for price in prices.prices.values()
    ]
    return f"""## Prices

{table(["name", "price", "confirmed", "page"], rows)}"""


def _rest() -> str:
    return "## Not counted\n\n" + "\n".join(f"- {each}" for each in NOT_COUNTED)
