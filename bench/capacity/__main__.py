"""`python -m bench.capacity`: the simulated days and hours, and what breaks first, as Markdown."""

import argparse
import sys
from pathlib import Path

from bench import request_units
from bench.capacity import headroom, report, scenarios
from bench.capacity.assumptions import Assumptions
from bench.capacity.simulation import run
from bench.costs.model import service_bus_credits
from bench.operations import of_one_picture
from bench.sizes import NAMES, SizeError, read


def simulate(scenario: scenarios.Scenario, assumptions: Assumptions) -> report.Run:
    print(f"simulating: {scenario.text}", file=sys.stderr, flush=True)
    result = run(scenario.plant, scenario.rate, seconds=scenario.seconds, assumptions=assumptions)
    return report.Run(scenario, result)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.capacity", description=__doc__)
    parser.add_argument(
        "--write", type=Path, help="also write the page to this file, and its pictures beside it"
    )
    arguments = parser.parse_args()
    assumptions = Assumptions()
    try:
        sizes = [read(name) for name in NAMES]
    except SizeError as error:
        print(f"bench.capacity: {error}", file=sys.stderr)
        return 2
    large = sizes[-1]
    operations = of_one_picture()
    bus_per_s = headroom.SERVICE_BUS_CREDITS / service_bus_credits(operations)
    state_per_s = large.cosmos_max_ru / request_units.per_picture(operations)
    days = [simulate(each, assumptions) for each in scenarios.days(sizes, assumptions)]
    trouble = [simulate(each, assumptions) for each in scenarios.trouble(large, assumptions)]
    many = [
        simulate(each, assumptions)
        for each in scenarios.many(large, assumptions, bus_per_s=bus_per_s, state_per_s=state_per_s)
    ]
    found = headroom.resources(large, operations, assumptions)
    text = report.render(days, trouble, many, found, large, assumptions)
    print(text, end="")
    if arguments.write:
        arguments.write.write_text(text, encoding="utf-8")
        folder = arguments.write.parent / report.PICTURES
        folder.mkdir(exist_ok=True)
        drawn = [each for each in (*days, *trouble) if f"capacity-{each.scenario.name}.svg" in text]
        for name, svg in report.pictures(drawn).items():
            (folder / name).write_text(svg, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
