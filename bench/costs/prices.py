"""The price list: bench/prices.yaml.

PriceError           the file cannot be used; the text says where and why
└── UnknownPrice     there is no price of that name
"""

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

import yaml

FILE: Final = Path(__file__).resolve().parents[1] / "prices.yaml"
_KEYS: Final = {"unit", "per", "price", "tiers", "confirmed", "source"}


class PriceError(ValueError):
    """See the module."""


class UnknownPrice(PriceError):
    """See the module."""


@dataclass(frozen=True)
class Tier:
    """``per`` units of the price cost ``price``, up to this quantity in all; None: without end."""

    to: float | None
    price: float


@dataclass(frozen=True)
class Price:
    """``tiers`` ascend, and the last has no end."""

    name: str
    unit: str
    per: float
    tiers: tuple[Tier, ...]
    confirmed: bool
    title: str
    address: str

    def cost(self, quantity: float) -> float:
        """Of a month's quantity. Raises PriceError for a negative one."""
        if quantity < 0:
            raise PriceError(f"{self.name}: a quantity of {quantity:g}")
        total, below = 0.0, 0.0
        for tier in self.tiers:
            to = quantity if tier.to is None else min(quantity, tier.to)
            total += max(0.0, to - below) / self.per * tier.price
            below = max(below, to)
        return total

    def without_free(self) -> "Price":
        """The same, as for somebody who has used up what is free."""
        paid = next((tier.price for tier in self.tiers if tier.price), 0.0)
        tiers = tuple(Tier(tier.to, tier.price or paid) for tier in self.tiers)
        return Price(self.name, self.unit, self.per, tiers, self.confirmed, self.title, self.address)

    def shown(self) -> str:
        """All tiers, for people."""
        per = "" if self.per == 1 else f"{self.per:,.0f} "
        parts = []
        for tier in self.tiers:
            price = f"${tier.price:.6f}".rstrip("0").rstrip(".") if tier.price < 0.01 else f"${tier.price:g}"
            price = price if tier.price else "free"
            parts.append(price if tier.to is None else f"{price} up to {tier.to:,.0f}")
        return f"{'; '.join(parts)} per {per}{self.unit}"


@dataclass(frozen=True)
class PriceList:
    date: date
    region: str
    prices: dict[str, Price]

    def __getitem__(self, name: str) -> Price:
        """Raises UnknownPrice."""
        try:
            return self.prices[name]
        except KeyError:
            known = ", ".join(sorted(self.prices))
            raise UnknownPrice(f"no price {name!r} in {FILE.name}; it has {known}") from None


def load(path: Path = FILE) -> PriceList:
    """Raises PriceError."""
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
        when = raw["date"]
        if not isinstance(when, date):
            raise PriceError(f"{path.name}: date is {when!r}, not a day like 2026-01-31")
        sources = raw["sources"]
        prices = {name: _price(name, entry, sources) for name, entry in raw["prices"].items()}
        return PriceList(when, str(raw["region"]), prices)
    except (OSError, yaml.YAMLError) as error:
        raise PriceError(f"{path.name}: {error}") from error
    except (KeyError, TypeError, AttributeError) as error:
        raise PriceError(f"{path.name} is not a price list: {type(error).__name__} {error}") from error


def _price(name: str, entry: dict[str, Any], sources: dict[str, Any]) -> Price:
    if unknown := set(entry) - _KEYS:
        raise PriceError(f"{name}: {', '.join(sorted(unknown))} means nothing here")
    if ("price" in entry) == ("tiers" in entry):
        raise PriceError(f"{name}: either price or tiers")
    if entry.get("source") not in sources:
        raise PriceError(f"{name}: source {entry.get('source')!r} is not among the sources")
    if not isinstance(entry.get("confirmed"), bool):
        raise PriceError(f"{name}: confirmed must be true or false")
    source = sources[entry["source"]]
    tiers = tuple(
        Tier(tier.get("to"), float(tier["price"]))
        for tier in entry.get("tiers", [{"price": entry.get("price")}])
    )
    bounds = [tier.to for tier in tiers]
    ends = [bound for bound in bounds if bound is not None]
    if bounds[-1] is not None or len(ends) != len(bounds) - 1 or ends != sorted(set(ends)):
        raise PriceError(f"{name}: tiers must ascend, and only the last has no `to`")
    if any(tier.price < 0 for tier in tiers) or float(entry.get("per", 1)) <= 0:
        raise PriceError(f"{name}: prices are not negative, and `per` is positive")
    return Price(
        name=name,
        unit=str(entry["unit"]),
        per=float(entry.get("per", 1)),
        tiers=tiers,
        confirmed=entry["confirmed"],
        title=source["title"],
        address=source["address"],
    )
