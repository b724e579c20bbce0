"""The rule file: what may stand in it (docs/labels.md)."""

import re
from functools import cached_property
from typing import Annotated, Any, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator

from services.classifier.labels.patterns import BadPattern, Pattern, pattern

UNLABELLED: Final = "unlabelled"
NO_RULE: Final = "none"
LEAST_CONFIDENCE: Final = 0.5
REVIEW_BELOW: Final = 0.6
MAX_RULES: Final = 200
MAX_CLUES: Final = 50
MAX_NAMES: Final = 200
MAX_FILE_STEPS: Final = 4000
"""For all patterns of a file together, as patterns.MAX_STEPS is for one."""

LEAST_LETTERS: Final = 4
"""Of a phrase: shorter ones stand in other words."""

KINDS: Final = ("tag", "object", "caption", "phrase", "text", "lines", "people")
_WITH_CONFIDENCE: Final = ("tag", "object", "caption", "people")


def normal(name: str) -> str:
    """Names as they are compared: ``Water_Damage``, ``water-damage`` and ``water  damage`` are the same."""
    return " ".join(re.sub(r"[-_]", " ", name).casefold().split())


def squeezed(text: str) -> str:
    """Letters and digits alone: engines that read misplace the spaces, as in ``ACCIDENTREPORT`` and ``re pair``."""
    return re.sub(r"[\W_]+", "", text).casefold()


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


Name = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=100, pattern=r"\w")]
Names = Annotated[list[Name], BeforeValidator(_listed), Field(min_length=1, max_length=MAX_NAMES)]
Slug = Annotated[str, StringConstraints(strict=True, pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=64)]
Share = Annotated[float, Field(strict=True, ge=0, le=1)]
Count = Annotated[int, Field(strict=True, ge=1, le=1000)]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Clue(_Model):
    """One piece of evidence: what an engine may say. Exactly one of KINDS is given.

    ``least``: how sure the engine must be of it. ``weight``: the share of the engine's confidence that counts; of
    phrases, text and lines, for which the record has no confidence, all that counts.
    """

    tag: Names | None = None
    object_: Names | None = Field(None, alias="object")
    caption: Names | None = None
    phrase: Names | None = None
    text: Annotated[list[str], BeforeValidator(_listed), Field(min_length=1, max_length=MAX_CLUES)] | None = (
        None
    )
    lines: Count | None = None
    people: Count | None = None

    least: Share | None = Field(None, alias="min")
    weight: Annotated[float, Field(strict=True, gt=0, le=1)] = 1.0
    engine: Name | None = None
    case_sensitive: bool = Field(False, strict=True)

    @model_validator(mode="after")
    def _one_kind(self) -> "Clue":
        given = [kind for kind in KINDS if getattr(self, _attribute(kind)) is not None]
        if len(given) != 1:
            found = f"not {' and '.join(given)}" if given else "none is given"
            raise ValueError(f"exactly one of {', '.join(KINDS)} must be given, {found}")
        if self.least is not None and given[0] not in _WITH_CONFIDENCE:
            raise ValueError(f"min is for {', '.join(_WITH_CONFIDENCE)}; for {given[0]} give weight")
        if self.case_sensitive and self.text is None:
            raise ValueError("case_sensitive is for text alone")
        for each in self.phrase or ():
            if len(squeezed(each)) < LEAST_LETTERS:
                raise ValueError(f"phrase {each!r} has less than {LEAST_LETTERS} letters; use text for it")
        for each in self.text or ():
            try:
                pattern(each)
            except BadPattern as error:
                shown = each if len(each) <= 60 else f"{each[:59]}…"
                raise ValueError(f"text '{shown}': {error}") from error
        return self

    @property
    def kind(self) -> str:
        return next(kind for kind in KINDS if getattr(self, _attribute(kind)) is not None)

    @property
    def threshold(self) -> float:
        return LEAST_CONFIDENCE if self.least is None else self.least

    @cached_property
    def names(self) -> frozenset[str]:
        """Of tags, objects or words of a caption; as ``normal`` makes them."""
        return frozenset(map(normal, self.tag or self.object_ or self.caption or ()))

    @cached_property
    def phrases(self) -> tuple[tuple[str, str], ...]:
        """As given, and squeezed."""
        return tuple((each, squeezed(each)) for each in self.phrase or ())

    @cached_property
    def patterns(self) -> tuple[Pattern, ...]:
        return tuple(pattern(each, case_sensitive=self.case_sensitive) for each in self.text or ())


Clues = Annotated[list[Clue], Field(max_length=MAX_CLUES)]


class Rule(_Model):
    """Gives the label ``label`` (its own name, if none is given) if every clue of ``all`` is found, one of ``any``
    (where it has some), and none of ``none``.
    """

    name: Slug
    label_: Slug | None = Field(None, alias="label")
    all_: Clues = Field([], alias="all")
    any_: Clues = Field([], alias="any")
    none: Clues = []
    review_below: Share | None = None

    @model_validator(mode="after")
    def _usable(self) -> "Rule":
        if not self.all_ and not self.any_:
            raise ValueError("all or any must have something in it, or the rule would fit every picture")
        if self.name == NO_RULE:
            raise ValueError(f"name: {NO_RULE!r} is what a picture without a rule has as its source")
        if self.label == UNLABELLED:
            raise ValueError(f"label: {UNLABELLED!r} is what a picture gets that no rule fits")
        return self

    @property
    def label(self) -> str:
        return self.label_ or self.name

    @property
    def clues(self) -> tuple[Clue, ...]:
        return (*self.all_, *self.any_, *self.none)


class RuleFile(_Model):
    """``review_below``: labels less sure than this are for review; a rule may have its own."""

    review_below: Share = REVIEW_BELOW
    rules: Annotated[list[Rule], Field(min_length=1, max_length=MAX_RULES)]

    @model_validator(mode="after")
    def _together(self) -> "RuleFile":
        names = [rule.name for rule in self.rules]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(
                f"rules: two have the name {', '.join(map(repr, twice))}; names differ, labels need not"
            )
        steps = sum(each.steps for rule in self.rules for clue in rule.clues for each in clue.patterns)
        if steps > MAX_FILE_STEPS:
            raise ValueError(
                f"rules: a search for all patterns may take {steps} steps from one place, at most "
                f"{MAX_FILE_STEPS} are allowed"
            )
        return self


def _attribute(kind: str) -> str:
    return "object_" if kind == "object" else kind
