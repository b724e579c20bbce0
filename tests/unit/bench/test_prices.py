"""The price list and its arithmetic."""

from pathlib import Path

import pytest
import yaml

from bench.costs.prices import FILE, PriceError, PriceList, Tier, UnknownPrice, load

TIERS = [{"to": 100, "price": 0}, {"to": 1000, "price": 2}, {"price": 1}]
GOOD = {"unit": "calls", "per": 10, "tiers": TIERS, "confirmed": False, "source": "page"}


def price_list(tmp_path: Path, *without: str, **changes: object) -> PriceList:
    entry = {key: value for key, value in {**GOOD, **changes}.items() if key not in without}
    raw = {
        "date": "2026-01-31",
        "region": "here",
        "prices": {"calls": entry},
        "sources": {"page": {"title": "A page", "address": "https://example.com"}},
    }
    path = tmp_path / "prices.yaml"
    path.write_text(yaml.safe_dump(raw).replace("'2026-01-31'", "2026-01-31"), encoding="utf-8")
    return load(path)


def test_the_projects_list_is_sound() -> None:
    prices = load()

    assert prices.region
    for price in prices.prices.values():
        assert price.address.startswith("https://")
        assert price.cost(0) == 0


def test_an_unknown_price_is_named_with_those_there_are() -> None:
    with pytest.raises(
        UnknownPrice, match=r"no price 'vision\.group3' in prices\.yaml; it has .*vision\.group1"
    ):
        load()["vision.group3"]


@pytest.mark.parametrize(
    ("quantity", "dollars"), [(0, 0), (100, 0), (110, 2), (1000, 180), (1010, 181), (11_000, 1180)]
)
def test_tiers_are_graduated(tmp_path: Path, quantity: float, dollars: float) -> None:
    assert price_list(tmp_path)["calls"].cost(quantity) == pytest.approx(dollars)


def test_more_never_costs_less() -> None:
    for price in load().prices.values():
        quantities = [0.0, 1.0, *(10.0**power for power in range(2, 11))]
        costs = [price.cost(quantity) for quantity in quantities]
        assert costs == sorted(costs), price.name


def test_without_the_free_part(tmp_path: Path) -> None:
    price = price_list(tmp_path)["calls"].without_free()

    assert price.tiers[0] == Tier(100, 2)
    assert price.cost(100) == pytest.approx(20)


def test_how_it_is_shown(tmp_path: Path) -> None:
    assert price_list(tmp_path)["calls"].shown() == "free up to 100; $2 up to 1,000; $1 per 10 calls"


@pytest.mark.parametrize(
    ("without", "changes", "said"),
    [
        ((), {"price": 3}, "either price or tiers"),
        (("tiers",), {}, "either price or tiers"),
        ((), {"source": "rumour"}, "source 'rumour' is not among the sources"),
        (("confirmed",), {}, "confirmed must be true or false"),
        ((), {"confirmed": "perhaps"}, "confirmed must be true or false"),
        ((), {"tiers": [{"to": 5, "price": 1}]}, "only the last has no `to`"),
        ((), {"tiers": [{"to": 9, "price": 1}, {"to": 5, "price": 1}, {"price": 1}]}, "tiers must ascend"),
        ((), {"per": 0}, "`per` is positive"),
        ((), {"tiers": [{"price": -1}]}, "not negative"),
        ((), {"discount": 5}, "discount means nothing here"),
        (("unit",), {}, "KeyError 'unit'"),
    ],
)
def test_a_bad_entry_is_named(
    tmp_path: Path, without: tuple[str, ...], changes: dict[str, object], said: str
) -> None:
    with pytest.raises(PriceError, match=said):
        price_list(tmp_path, *without, **changes)


@pytest.mark.parametrize(
    "text", ["", "[]", "prices: {", "date: yesterday\nregion: x\nprices: {}\nsources: {}"]
)
def test_a_bad_file_is_an_error_that_names_it(tmp_path: Path, text: str) -> None:
    path = tmp_path / "other.yaml"
    path.write_text(text, encoding="utf-8")

    with pytest.raises(PriceError, match=r"other\.yaml"):
        load(path)


def test_a_negative_quantity_is_an_error() -> None:
    with pytest.raises(PriceError, match="a quantity of -1"):
        load()["egress.gb"].cost(-1)


def test_confirmed_prices_name_a_dated_page() -> None:
    sources = yaml.safe_load(FILE.read_text(encoding="utf-8"))["sources"]
    for price in load().prices.values():
        if price.confirmed:
            assert any(price.title == each["title"] and "(20" in each["title"] for each in sources.values())
