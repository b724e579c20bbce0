"""Counting what was right."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from services.classifier.labels.rules import UNLABELLED
from services.contracts.records import Label


@dataclass
class Score:
    """Of one label. ``sure_*``: of those that are not marked for review."""

    right: int = 0
    wrong: int = 0
    missed: int = 0
    sure_right: int = 0
    sure_wrong: int = 0

    @property
    def there(self) -> int:
        return self.right + self.missed

    @property
    def precision(self) -> float | None:
        return _share(self.right, self.right + self.wrong)

    @property
    def recall(self) -> float | None:
        return _share(self.right, self.there)

    @property
    def sure_precision(self) -> float | None:
        return _share(self.sure_right, self.sure_right + self.sure_wrong)

    def add(self, other: "Score") -> None:
        self.right += other.right
        self.wrong += other.wrong
        self.missed += other.missed
        self.sure_right += other.sure_right
        self.sure_wrong += other.sure_wrong


@dataclass
class Scores:
    """Of one rule set. ``unlabelled`` is not a label here: a picture that has it is one without labels."""

    labels: dict[str, Score] = field(default_factory=dict)
    sources: dict[str, Score] = field(default_factory=dict)
    pictures: int = 0
    for_review: int = 0
    mistakes: list[str] = field(default_factory=list)

    def add(self, source: str, name: str, right: frozenset[str], found: Iterable[Label]) -> None:
        said = {label.name: label for label in found}
        self.pictures += 1
        self.for_review += any(label.review for label in said.values())
        said.pop(UNLABELLED, None)
        for label in sorted(right | said.keys()):
            score = self.labels.setdefault(label, Score())
            one = self._one(label in right, said.get(label))
            score.add(one)
            self.sources.setdefault(source, Score()).add(one)
            if one.wrong or one.missed:
                self.mistakes.append(_mistake(f"{source}/{name}", label, said.get(label)))

    @property
    def all(self) -> Score:
        whole = Score()
        for score in self.labels.values():
            whole.add(score)
        return whole

    @staticmethod
    def _one(is_right: bool, found: Label | None) -> Score:
        if found is None:
            return Score(missed=1)
        sure = not found.review
        if is_right:
            return Score(right=1, sure_right=int(sure))
        return Score(wrong=1, sure_wrong=int(sure))


def _mistake(name: str, label: str, found: Label | None) -> str:
    if found is None:
        return f"{name}: {label} missed"
    why = ", ".join(f"{each.kind} {each.value!r} {each.confidence:.2f}" for each in found.evidence[:3])
    review = ", for review" if found.review else ""
    return f"{name}: {label} {found.confidence:.2f}{review} wrong, by {found.source}: {why}"


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
