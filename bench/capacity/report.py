"""docs/capacity.md and its pictures."""

from dataclasses import dataclass
from statistics import fmean

from bench.capacity import assumptions as assumed
from bench.capacity.assumptions import Assumptions
from bench.capacity.headroom import Resource
from bench.capacity.scenarios import GOAL_P95_S, MANY, Scenario
from bench.capacity.simulation import Result
from bench.charts import Curve, Panel, draw
from bench.markdown import figure, seconds, table
from bench.sizes import Size

COMMAND = "python -m bench capacity --write docs"
PICTURES = "pictures"


@dataclass(frozen=True)
class Run:
    scenario: Scenario
    result: Result


def render(
    days: list[Run], trouble: list[Run], many: list[Run], found: list[Resource], large: Size, assumptions: Assumptions
) -> str:
    """The page. ``found``: by when they break."""
    parts = [
        _head(large, assumptions),
        _days(days),
        _trouble(trouble),
        _many(many),
        _headroom(found, large, assumptions),
        _assumed(assumptions),
    ]
    return "\n\n".join(parts) + "\n"


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
                    Curve("arriving", [fmean(each.arrived for each in minute) for minute in minutes]),
                    Curve("classified", [fmean(each.done for each in minute) for minute in minutes]),
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
    return f"""# How much it carries

Made by `{COMMAND}`: a simulation second by second, with fixed seeds, of what `deploy/bicep` deploys and what the classifier's
code does. It was never compared with a deployed system; what it takes for granted stands [at the end](#assumptions).

At size large {large.pictures_per_month:,} pictures a month are {large.mean_per_s:.1f} a second; on a Monday's busiest hour
{large.mean_per_s * assumptions.busiest:.0f}. {large.accounts} Vision accounts answer {large.vision_calls_per_s:.0f} calls a second,
and {large.classifier.max_replicas} replicas with {large.handlers} messages each make as many. The time is that from the stored
picture to its saved result."""


HEADER = ("", "pictures", "backlog at most", "p50", "p95", "p99", "replicas", "replica-hours", "429", "retried", "dead")


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
    missed = [run for run in days if run.result.times.percentile(0.95) > GOAL_P95_S]
    goal = (
        f"Goal: p95 within {GOAL_P95_S:g} s: reached at every size."
        if not missed
        else f"Goal: p95 within {GOAL_P95_S:g} s: missed at {', '.join(run.scenario.name for run in missed)}."
    )
    return f"""## A busy day

{table(HEADER, map(_row, days))}

{goal} At size small nearly every picture waits for the first replica to start: there is none most of the time.

![Arrivals, backlog and replicas of a day at size large](pictures/capacity-large.svg)"""


def _trouble(trouble: list[Run]) -> str:
    drained = {run.scenario.name: _calm_again(run.result) for run in trouble}
    return f"""## The same day with something out of the ordinary

{table(HEADER, map(_row, trouble))}

- **Burst**: what comes in beyond Vision's rate waits in Service Bus; the backlog is worked off
  {seconds(drained["burst"])} after the burst begins. Nothing is lost or refused: ingest and storage take it at once.
- **Outage**: each message in hand is tried again by its sidecar and keeps its place; the others wait in Service Bus uncounted.
  Back to normal {seconds(drained["outage"])} after it begins.
- **Sooner**: the scale rule lets each replica collect half a minute's messages. With 20 pictures wait far less, for somewhat more
  replica-hours.

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


def _many(many: list[Run]) -> str:
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

- **The article's 200 instances** have one picture in hand each. The busiest hour needs some 60 pictures in hand; here
  {MANY} instances with one each do just what 12 replicas with ten do, and cost twenty times as much. What limits both is Vision.
- **Replicas that do not know of each other** are the danger: with the shares of 12, {MANY} replicas ask Vision for twenty times what
  it answers, and mostly collect refusals. Bicep derives the most replicas from Vision's calls a minute for this reason; shares fitted
  to the number of replicas keep refusals down even at 240.
- **With Vision out of the way** (120 accounts, or 24 that were raised to 50/s) Service Bus Standard is the next bound, then Cosmos
  DB's throughput. With Premium and a higher maximum, {MANY} replicas carry the load.
- **Container Apps** gives an environment 100 cores: 200 replicas of half a core. More is a quota request, up to 5,000 cores. A
  revision takes 300 replicas in the portal and 1,000 by template."""


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
    first = [each for each in found if each.breaks_at < large.pictures_per_month]
    flows = [each for each in found if not each.stock]
    early = (
        "**Before {:,} a month**: {}.".format(large.pictures_per_month, "; ".join(each.name for each in first))
        if first
        else f"Nothing breaks before {large.pictures_per_month:,} a month."
    )
    return f"""## What breaks first

Size large, by the number of pictures at which the busiest hour ({assumptions.busiest:.2f} times the month's mean) reaches the limit, or
at which what is kept fills it.

{table(header, rows)}

{early} Of what is used per second, {flows[0].name} is first, at {figure(flows[0].breaks_at / 1e6)} million, then {flows[1].name}
({figure(flows[1].breaks_at / 1e6)} million) and {flows[2].name} ({figure(flows[2].breaks_at / 1e6)} million)."""


def _assumed(assumptions: Assumptions) -> str:
    return f"""## Assumptions

Times in seconds; of several values each is equally likely.

{table(("what", "value", "source"), assumed.table(assumptions))}"""
