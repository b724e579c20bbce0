"""docs/capacity.md and its pictures."""

from dataclasses import dataclass
from statistics import fmean

from bench.capacity import assumptions as assumed
from bench.capacity.assumptions import Assumptions
from bench.capacity.headroom import Resource
from bench.capacity.scenarios import GOAL_P95_S, LATER, MANY, Scenario
from bench.capacity.simulation import Result
from bench.charts import Curve, Panel, draw
from bench.markdown import figure, page, seconds, table
from bench.sizes import Size

COMMAND = "python -m bench --only capacity --write docs"
PICTURES = "pictures"


@dataclass(frozen=True)
class Run:
    scenario: Scenario
    result: Result


def render(
    days: list[Run],
    trouble: list[Run],
    many: list[Run],
    found: list[Resource],
    large: Size,
    assumptions: Assumptions,
) -> str:
    """The page. ``found``: by when they break."""
    return page(
        _head(large, assumptions),
        _days(days),
        _trouble(trouble, days[-1]),
        _many(many, large.classifier.max_replicas),
        _headroom(found, large, assumptions),
        _assumed(assumptions),
    )


def pictures(runs: list[Run]) -> dict[str, str]:
    """File names and SVGs, for the runs of a day that have one."""
    return {f"capacity-{run.scenario.name}.svg": chart(run) for run in runs}


def chart(run: Run) -> str:
    """Arrivals, backlog and replicas over the day, by the minute."""
    story, plant = run.result.seconds, run.scenario.plant
    minutes = [story[start : start + 60] for start in range(0, len(story), 60)]
    return draw(
        run.scenario.text,
        [
            Panel(
                "pictures a second",
                [
                    Curve("classified", [fmean(each.done for each in minute) for minute in minutes]),
                    Curve("arriving", [fmean(each.arrived for each in minute) for minute in minutes]),
                ],
                ("what Vision answers", plant.vision_calls_per_s),
            ),
            Panel(
                "backlog: messages waiting or in hand",
                [Curve("backlog", [max(each.backlog for each in minute) for minute in minutes])],
            ),
            Panel(
                "replicas of the classifier",
                [Curve("replicas", [max(each.replicas for each in minute) for minute in minutes])],
                ("most", plant.max_replicas),
            ),
        ],
    )


def _head(large: Size, assumptions: Assumptions) -> str:
    busiest = large.mean_per_s * assumptions.busiest
    return f"""# How much it carries

Made by `{COMMAND}`: a simulation second by second, with fixed seeds, of what `deploy/bicep` deploys and
what the classifier's code does. It was never compared with a deployed system; what it takes for granted stands
[at the end](#assumptions).

At size large {large.pictures_per_month:,} pictures a month are {large.mean_per_s:.1f} a second, and {busiest:.0f} in a
Monday's busiest hour. {large.accounts} Vision accounts answer {large.vision_calls_per_s:.0f} calls a second, and
{large.classifier.max_replicas} replicas with {large.handlers} messages each make as many. Times are from the stored
picture to its saved result. Two regions double all of it but Service Bus, storage and Cosmos DB's writes."""


HEADER = (
    "",
    "pictures",
    "backlog at most",
    "p50",
    "p95",
    "p99",
    "replicas",
    "replica-hours",
    "429",
    "retried",
    "dead",
)


def _row(run: Run) -> list[str]:
    result = run.result
    return [
        run.scenario.text,
        f"{result.arrived:,}",
        f"{result.most('backlog'):,}",
        *(seconds(result.times.percentile(share)) for share in (0.5, 0.95, 0.99)),
        str(result.most("replicas")),
        figure(result.total("replicas") / 3600),
        f"{result.total('refused'):,}",
        f"{result.retried:,}",
        f"{result.dead:,}",
    ]


def _days(days: list[Run]) -> str:
    missed = [run.scenario.name for run in days if run.result.times.percentile(0.95) > GOAL_P95_S]
    reached = f"missed at {', '.join(missed)}" if missed else "reached at every size"
    return f"""## A busy day

{table(HEADER, map(_row, days))}

Goal: p95 within {GOAL_P95_S:g} s, {reached}. At size small nearly every picture waits for the first replica to start:
most of the time there is none. `minReplicas` 1 in sizes/small.json would spare that.

![Arrivals, backlog and replicas of a day at size large](pictures/capacity-large.svg)

By day nearly all replicas run. The saw-tooth before and after is the scale rule's: replicas follow the backlog, work
it off, are let go after five minutes without it, and the backlog comes again."""


def _trouble(trouble: list[Run], as_is: Run) -> str:
    calm = {run.scenario.name: seconds(_calm_again(run.result)) for run in trouble}
    dead = {run.scenario.name: run.result.dead or "no" for run in trouble}
    later = next(run.result for run in trouble if run.scenario.name == "later")
    spared = 1 - later.total("replicas") / as_is.result.total("replicas")
    return f"""## The same day with something out of the ordinary

{table(HEADER, map(_row, trouble))}

- **Burst**: what comes beyond Vision's rate waits in Service Bus, and is worked off {calm["burst"]} after the burst
  began. What ingest does while its own replicas start is not modelled: it answers what finds no place within 20 s with
  429 and Retry-After.
- **Outage**: a message in hand is tried again by its sidecar and keeps its place; the others wait in Service Bus,
  where nothing counts against them. Back to normal {calm["outage"]} after it began; {dead["outage"]} pictures are
  marked `failed`.
- **Later**: {as_is.scenario.plant.messages_per_replica} messages are a replica's handlers twice over, {LATER} what it
  works off between two looks at the backlog. With {LATER} the p95 is {seconds(later.times.percentile(0.95))} instead of
  {seconds(as_is.result.times.percentile(0.95))}, for {spared:.0%} fewer replica-hours
  ([0022](decisions/0022-replicas-follow-messages.md)).

![The day with a burst](pictures/capacity-burst.svg)

![The day with Vision away](pictures/capacity-outage.svg)"""


def _calm_again(result: Result) -> float:
    """Seconds from the highest rise of the backlog's beginning until it is small again."""
    backlog = [each.backlog for each in result.seconds]
    top = backlog.index(max(backlog))
    calm = max(backlog) / 20
    begin = next(second for second in range(top, -1, -1) if backlog[second] <= calm)
    end = next((second for second in range(top, len(backlog)) if backlog[second] <= calm), len(backlog))
    return float(end - begin)


def _many(many: list[Run], fitting: int) -> str:
    rows = []
    for run in many:
        last = run.result.seconds[len(run.result.seconds) // 2 :]
        rows.append(
            [
                run.scenario.text,
                str(run.result.most("ready")),
                figure(fmean(each.done for each in last)),
                figure(fmean(each.refused for each in last)),
                seconds(run.result.times.percentile(0.95)),
                f"{run.result.inside:,}",
            ]
        )
    header = ("", "replicas", "done/s", "429/s", "p95 of what is done", "waiting after the hour")
    return f"""## More than 200 replicas

An hour of steady load; done and refused are of its second half.

{table(header, rows)}

- **The article's 200 instances** have one picture in hand each. The busiest hour needs some 60 pictures in hand:
  {MANY} instances with one each do just what {fitting} replicas with ten do, and cost {MANY // fitting} times as much.
  Vision limits both.
- **Replicas that do not know of each other** are the danger: with the shares of {fitting}, {MANY} replicas ask Vision
  for {MANY // fitting} times what it answers, and mostly collect refusals. Bicep therefore derives the number of
  replicas from Vision's calls a minute. Shares fitted to {MANY} replicas leave no refusals under load, and few when
  many idle ones begin at once.
- **With Vision out of the way** (120 accounts, or 24 raised to 50/s) Service Bus Standard is the next bound, then
  Cosmos DB's throughput. With Premium and a higher maximum {MANY} replicas carry 1,000 pictures a second, 2.6 billion a
  month; Premium's own bound depends on its messaging units and is not modelled.
- **Container Apps** gives an environment 100 cores, which are 200 replicas of half a core; {MANY} take a quota request
  (up to 5,000 cores). A revision takes 300 replicas in the portal and 1,000 by template."""


def _headroom(found: list[Resource], large: Size, assumptions: Assumptions) -> str:
    rows = [
        [
            each.name,
            f"{figure(each.limit)} {each.unit}",
            figure(each.mean) + (" a month" if each.stock else ""),
            "" if each.stock else figure(each.used),
            f"{figure(each.breaks_at / 1e6)} million " + ("kept" if each.stock else "a month"),
            each.lift,
            each.source,
        ]
        for each in found
    ]
    header = ("resource", "limit", "mean use", "busiest hour", "breaks at", "lifted by", "source")
    early = [each.name for each in found if each.breaks_at < large.pictures_per_month]
    first = [f"{each.name} ({figure(each.breaks_at / 1e6)} million)" for each in found if not each.stock]
    before = "; ".join(early) if early else "nothing"
    return f"""## What breaks first

Size large. A resource breaks at the number of pictures at which the busiest hour ({assumptions.busiest:.2f} times the
month's mean) reaches its limit, or at which what is kept fills it.

{table(header, rows)}

**Before {large.pictures_per_month:,} a month**: {before}; the preflight refuses size large without AI Search. Of what
is used by the second, {first[0]} is first, then {first[1]} and {first[2]}."""


def _assumed(assumptions: Assumptions) -> str:
    return f"""## Assumptions

Times in seconds; of several values each is equally likely.

{table(("what", "value", "source"), assumed.table(assumptions))}"""
