"""The labelled pictures: samples of the set-up, drawn ones, and those of packages where they are at hand."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from bench.labels.drawing import draw
from tools.setup_model.evaluate import LABELLED, read_picture

_HERE = Path(__file__).parent
_CATEGORIES = _HERE.parents[1] / "emulators" / "vision" / "engine" / "data" / "imagenet.yaml"
LISTS = (LABELLED, _HERE / "pictures.tsv")

Right = Mapping[str, frozenset[str]]
"""By rule set the labels that are right. A set that is not in it does not judge the picture."""


@dataclass(frozen=True)
class Picture:
    name: str
    source: str
    content: bytes
    right: Right


def drawn() -> Iterator[Picture]:
    """Those that the rules were written with, then those that they have never seen (``fresh``)."""
    for source in ("drawn", "fresh"):
        for one in yaml.safe_load((_HERE / f"{source}.yaml").read_text(encoding="utf-8")):
            name, kind, lines = one.pop("name"), one.pop("kind"), one.pop("lines")
            yield Picture(name, source, draw(name, kind, lines), _right(one))


def samples(folder: Path) -> Iterator[Picture]:
    """The set-up's sample photos."""
    for name, right in _truth()["samples"].items():
        yield Picture(name, "samples", (folder / name).read_bytes(), _right(right))


def packaged(sets: Mapping[str, Path], lists: tuple[Path, ...] = LISTS) -> Iterator[Picture]:
    """Pictures of ``sets`` (set → a folder, or a wheel or zip) that ``lists`` name and that are there."""
    for file in lists:
        for line in file.read_text(encoding="utf-8").splitlines():
            if not line or line.startswith("#"):
                continue
            source, path, what = line.split("\t")
            content = read_picture(sets[source], path) if source in sets else None
            if content is not None:
                yield Picture(Path(path).name, source, content, _told(what))


def _told(what: str) -> Right:
    """``claims:vehicle fashion:``, or ImageNet classes, of which any is right."""
    words = what.split()
    if words and words[0].isdigit():
        ids = {int(word) for word in words}
        return {
            rules: frozenset(label for label, classes in labels.items() if ids & _ids(classes))
            for rules, labels in _truth()["classes"].items()
        }
    found: dict[str, set[str]] = {}
    for word in words:
        rules, _, label = word.partition(":")
        found.setdefault(rules, set()).update([label] if label else [])
    return _right(found)


def _ids(classes: list[Any]) -> set[int]:
    """Classes of numbers, ranges (``3-5``) and the words of imagenet.yaml."""
    categories = _categories()
    found: set[int] = set()
    for one in classes:
        for part in str(categories.get(one, one)).split():
            first, _, last = part.partition("-")
            found.update(range(int(first), int(last or first) + 1))
    return found


def _categories() -> dict[str, Any]:
    return dict(_yaml(_CATEGORIES)["categories"])


def _truth() -> dict[str, Any]:
    return _yaml(_HERE / "truth.yaml")


_KEPT: dict[Path, dict[str, Any]] = {}


def _yaml(path: Path) -> dict[str, Any]:
    if path not in _KEPT:
        _KEPT[path] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return _KEPT[path]


def _right(by_set: Mapping[str, Any]) -> Right:
    return {rules: frozenset(labels) for rules, labels in by_set.items()}
