"""``python -m tools.setup_model.evaluate SET=PATH…``: how often a model is right, and how sure it ought to be.

The sets are named in labelled.tsv; PATH is a folder, or a wheel, that holds a set's files. Prints top-1 and top-5 for
each set and, over all pictures, the negative log-likelihood, the mean confidence and the calibration error by
temperature: the best temperature is the one that model.yaml should have.
"""

import argparse
import sys
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from emulators.vision.engine.classifier import OnnxClassifier, softmax
from emulators.vision.engine.models import read_spec
from emulators.vision.engine.pictures import decode
from emulators.vision.errors import InvalidImage
from tools.setup_model.location import default_model_home

LABELLED = Path(__file__).with_name("labelled.tsv")
TEMPERATURES = (0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 1.0, 1.2)
_SIDE, _LEAST_SHORT = 512, 224


@dataclass(frozen=True, slots=True)
class Judged:
    """One picture: which classes would be right, and the logarithms of the probabilities that it got."""

    of: str
    right: frozenset[int]
    logits: npt.NDArray[np.float32]

    def hit(self, first: int) -> bool:
        """Whether a right class is among the ``first`` likeliest."""
        return not self.right.isdisjoint(np.argsort(-self.logits)[:first].tolist())


def labelled() -> Iterator[tuple[str, str, frozenset[int]]]:
    """Set, path and right classes of each picture in labelled.tsv."""
    for line in LABELLED.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            name, path, ids = line.split("\t")
            yield name, path, frozenset(int(i) for i in ids.split())


def judge(classifier: OnnxClassifier, sets: Mapping[str, Path]) -> list[Judged]:
    """What ``classifier`` says of the pictures of ``sets`` that are there."""
    found = []
    for name, path, right in labelled():
        data = read_picture(sets[name], path) if name in sets else None
        if data is None:
            continue
        try:
            rgb = decode(data, _SIDE, _LEAST_SHORT).rgb
        except InvalidImage as error:
            print(f"{path}: {error}", file=sys.stderr)
            continue
        # With the model's own temperature undone.
        logs = np.log(np.maximum(classifier.classify(rgb), np.float32(1e-12)))
        logits = (logs * classifier.temperature).astype(np.float32)
        found.append(Judged(name, right, logits))
    return found


def calibration(judged: list[Judged], temperature: float) -> tuple[float, float, float]:
    """Negative log-likelihood, mean confidence, expected calibration error in five bins."""
    likelihood, sure, hits = [], [], []
    for one in judged:
        probabilities = softmax(one.logits / temperature)
        likelihood.append(-np.log(probabilities[list(one.right)].sum() + 1e-9))
        sure.append(float(probabilities.max()))
        hits.append(one.hit(1))
    bins = np.minimum((np.array(sure) * 5).astype(int), 4)
    error = sum(
        (bins == i).mean() * abs(np.array(hits)[bins == i].mean() - np.array(sure)[bins == i].mean())
        for i in set(bins.tolist())
    )
    return float(np.mean(likelihood)), float(np.mean(sure)), float(error)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.setup_model.evaluate", description=__doc__)
    parser.add_argument("sets", nargs="+", metavar="SET=PATH", help="e.g. foolbox=foolbox-3.3.4.whl")
    parser.add_argument("--model", type=Path, default=default_model_home(), help="default: the set-up's")
    given = parser.parse_args()
    sets = {name: Path(path) for name, _, path in (item.partition("=") for item in given.sets)}
    classifier = OnnxClassifier(read_spec(given.model))
    judged = judge(classifier, sets)
    if not judged:
        print("None of the pictures is there.", file=sys.stderr)
        return 1
    print(f"{classifier.name}, temperature {classifier.temperature:g}")
    for name in (*dict.fromkeys(one.of for one in judged), "all"):
        part = [one for one in judged if name in (one.of, "all")]
        first, five = (sum(one.hit(n) for one in part) / len(part) for n in (1, 5))
        print(f"{name:12} {len(part):4} pictures   top-1 {first:.3f}   top-5 {five:.3f}")
    for temperature in TEMPERATURES:
        likelihood, sure, error = calibration(judged, temperature)
        print(
            f"temperature {temperature:4}   nll {likelihood:.3f}   sure {sure:.3f}   calibration error {error:.3f}"
        )
    return 0


def read_picture(where: Path, path: str) -> bytes | None:
    """Of a folder, or of a wheel; None if it is not there."""
    if where.is_dir():
        file = where / path
        return file.read_bytes() if file.is_file() else None
    with zipfile.ZipFile(where) as archive:
        return archive.read(path) if path in archive.namelist() else None


if __name__ == "__main__":
    sys.exit(main())
