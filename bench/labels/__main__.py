"""`python -m bench.labels`: precision and recall of the label rules over labelled pictures, by the local engine.

The pictures are the set-up's samples and ones that the bench draws; with --pictures those of packages too, as listed in
tools/setup_model/labelled.tsv and bench/labels/pictures.tsv.
"""

import argparse
import sys
import time
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from statistics import median

from bench.labels.scores import Score, Scores
from bench.labels.truth import Picture, drawn, packaged, samples
from bench.machine import describe
from emulators.vision.engine.analyzer import Engine
from emulators.vision.engine.classifier import OnnxClassifier
from emulators.vision.engine.models import read_spec
from emulators.vision.engine.types import Feature, Options
from emulators.vision.errors import InvalidImage
from emulators.vision.wire.answers import analysis_body
from services.classifier.adapters.vision_wire import analysis
from services.classifier.labels.evaluate import label
from services.classifier.labels.reading import RuleSet, read_rules
from services.classifier.labels.source import find_rules, set_names
from services.classifier.settings import Settings
from services.contracts.records import Analysis
from tools.setup.locations import samples_dir
from tools.setup_model.location import default_model_home


class LocalEngine:
    """What the classifier gets of the vision emulator with its default settings, without the way over HTTP."""

    def __init__(self, model: Path) -> None:
        self._engine = Engine(OnnxClassifier(read_spec(model)))
        settings = Settings()
        self._wanted = frozenset(Feature(feature.value) for feature in settings.vision_features)
        self._people_min_confidence = settings.vision_people_min_confidence

    @property
    def version(self) -> str:
        return self._engine.model_version

    def look(self, content: bytes) -> Analysis:
        body = analysis_body(self._engine.analyze(content, self._wanted, Options()))
        return analysis(body, people_min_confidence=self._people_min_confidence)


def score(
    pictures: Iterable[Picture], engine: LocalEngine, rules: dict[str, RuleSet]
) -> tuple[dict[str, Scores], list[float], int]:
    """Scores by rule set, milliseconds that each picture's labels took, the number of pictures."""
    scores = {name: Scores() for name in rules}
    times, count = [], 0
    for picture in pictures:
        try:
            said = engine.look(picture.content)
        except InvalidImage as error:
            print(f"{picture.name}: {error}", file=sys.stderr)
            continue
        count += 1
        for name, right in picture.right.items():
            if name in rules:
                began = time.perf_counter()
                found = label([said], rules[name])
                times.append((time.perf_counter() - began) * 1000)
                scores[name].add(picture.source, picture.name, right, found)
        if count % 20 == 0:
            print(f"{count} pictures", file=sys.stderr, flush=True)
    return scores, times, count


def report(name: str, scores: Scores) -> Iterator[str]:
    """Markdown."""
    yield f"### {name}: {scores.pictures} pictures, {scores.for_review} of them for review"
    yield ""
    yield "| label | pictures with it | precision | recall | precision of those not for review |"
    yield "|---|---|---|---|---|"
    for label_name, one in (*sorted(scores.labels.items()), ("**all**", scores.all)):
        yield f"| {label_name} | {one.there} | {_ratio(one)} |"
    for source, one in scores.sources.items():
        yield f"| *of {source}* | {one.there} | {_ratio(one)} |"
    yield ""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.labels", description=__doc__)
    parser.add_argument("--rules", action="append", help="a set's name, more than once; default: all of them")
    parser.add_argument("--pictures", action="append", default=[], metavar="SET=PATH", help="folder or wheel")
    parser.add_argument("--model", type=Path, default=default_model_home(), help="default: the set-up's")
    parser.add_argument("--mistakes", action="store_true", help="name each label that is wrong or missed")
    parser.add_argument("--write", type=Path, help="also write the tables to this file")
    given = parser.parse_args()
    sets = {name: Path(path) for name, _, path in (item.partition("=") for item in given.pictures)}
    rules = {name: _rules(name) for name in given.rules or set_names()}
    engine = LocalEngine(given.model)
    pictures = chain(samples(samples_dir()), drawn(), packaged(sets))
    scores, times, count = score(pictures, engine, rules)
    lines = [f"Machine: {describe()}. Engine: {engine.version}. {count} pictures.", ""]
    for name, one in scores.items():
        lines += report(name, one)
        if given.mistakes:
            lines += [*(f"- {each}" for each in one.mistakes), ""]
    lines.append(f"Drawing the labels of a picture: {median(times):.2f} ms, at most {max(times):.2f} ms.")
    text = "\n".join(lines)
    print(text)
    if given.write:
        given.write.write_text(text + "\n", encoding="utf-8")
    return 0


def _rules(name: str) -> RuleSet:
    path = find_rules(name)
    return read_rules(path.read_bytes(), name=path.stem, where=str(path))


def _ratio(one: Score) -> str:
    parts = [
        (one.precision, one.right, one.right + one.wrong),
        (one.recall, one.right, one.there),
        (one.sure_precision, one.sure_right, one.sure_right + one.sure_wrong),
    ]
    return " | ".join("–" if share is None else f"{share:.2f} ({of}/{whole})" for share, of, whole in parts)


if __name__ == "__main__":
    sys.exit(main())
