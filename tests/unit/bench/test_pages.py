"""The pages in docs are what the commands print; and how they are made."""

import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from bench.capacity import assumptions, headroom
from bench.capacity.assumptions import Assumptions
from bench.charts import Curve, Panel, draw
from bench.markdown import dollars, figure, page, seconds, table
from bench.operations import of_one_picture
from bench.sizes import read

ROOT = Path(__file__).resolve().parents[3]
DOCS = ROOT / "docs"


def test_the_cost_page_is_what_the_command_prints() -> None:
    command = [sys.executable, "-m", "bench.costs"]
    ran = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, encoding="utf-8", timeout=110, check=False
    )

    assert ran.returncode == 0, ran.stderr
    assert (DOCS / "costs.md").read_text(encoding="utf-8") == ran.stdout, (
        "docs/costs.md is not what is printed now: python -m bench --only costs --write docs"
    )


def test_the_capacity_page_has_the_assumptions_and_limits_of_now() -> None:
    text = (DOCS / "capacity.md").read_text(encoding="utf-8")
    stale = "docs/capacity.md is stale: python -m bench --only capacity --write docs"
    for what, value, source in assumptions.table(Assumptions()):
        assert f"| {what} | {value} | {source} |" in text, stale
    for each in headroom.resources(read("large"), of_one_picture()):
        assert f"| {each.name} | {figure(each.limit)} {each.unit} |" in text, stale
        assert f"| {figure(each.breaks_at / 1e6)} million" in text, stale


@pytest.mark.parametrize("name", ["capacity.md", "costs.md"])
def test_what_a_page_shows_and_links_to_is_there(name: str) -> None:
    text = (DOCS / name).read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", text):
        if not target.startswith("https://"):
            assert (DOCS / target).exists(), target


def test_an_unreadable_price_list_is_an_error_of_one_line(tmp_path: Path) -> None:
    path = tmp_path / "prices.yaml"
    path.write_text("date: 2026-01-01\n", encoding="utf-8")
    command = [sys.executable, "-m", "bench.costs", "--prices", str(path)]

    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)

    assert ran.returncode == 2
    assert ran.stdout == ""
    assert ran.stderr.strip().count("\n") == 0
    assert "prices.yaml" in ran.stderr


def test_a_chart_is_xml_with_its_names_escaped() -> None:
    svg = draw(
        "a & b", [Panel("one < two", [Curve("c", [0.0, 5.0, 2.5])], ("limit", 4.0)), Panel("none", [])]
    )

    root = ElementTree.fromstring(svg)
    texts = [each.text for each in root.iter() if each.text and each.text.strip()]
    assert {"a & b", "one < two", "limit"} <= set(texts)
    assert len(root.findall("{http://www.w3.org/2000/svg}path")) == 1


def test_a_page_fills_text_and_leaves_tables_alone() -> None:
    long = "word " * 60
    rows = table(["a", "b"], [["x " * 90, "1"]])
    text = page(f"# T\n\n{long}\n\n- one {long}\n- two", rows)

    lines = text.splitlines()
    assert all(len(line) <= 125 for line in lines if not line.startswith("|"))
    assert rows in text
    assert "- two" in lines
    assert any(line.startswith("  word") for line in lines)


def test_columns_of_figures_are_set_to_the_right() -> None:
    assert (
        table(["a", "b", "c"], [["1", "2", "x"], ["3", "–", "4"]]).splitlines()[1] == "| --- | ---: | --- |"
    )


@pytest.mark.parametrize(
    ("amount", "text"), [(0, "$0"), (0.001, "< $0.01"), (0.5, "$0.50"), (9.994, "$9.99"), (1234.5, "$1,234")]
)
def test_dollars(amount: float, text: str) -> None:
    assert dollars(amount) == text


@pytest.mark.parametrize(("value", "text"), [(2.84, "2.8 s"), (65, "1 min 5 s"), (7500, "2 h 5 min")])
def test_seconds(value: float, text: str) -> None:
    assert seconds(value) == text
