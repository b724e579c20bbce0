"""What engines say, and rules, in few words."""

from collections.abc import Mapping, Sequence

from services.classifier.labels.evaluate import label
from services.classifier.labels.reading import RuleSet, read_rules
from services.classifier.labels.source import find_rules
from services.contracts.records import Analysis, Box, Caption, DetectedObject, Label, Person, Tag, TextLine

BOX = Box(x=0, y=0, w=10, h=10)


def said(
    *,
    tags: Mapping[str, float] | None = None,
    objects: Mapping[str, float] | None = None,
    caption: tuple[str, float] | None = None,
    text: Sequence[str] = (),
    people: Sequence[float] = (),
    engine: str = "eye",
) -> Analysis:
    return Analysis(
        engine=engine,
        model_version="1",
        caption=Caption(text=caption[0], confidence=caption[1]) if caption else None,
        tags=[Tag(name=name, confidence=sure) for name, sure in (tags or {}).items()],
        objects=[
            DetectedObject(name=name, confidence=sure, box=BOX) for name, sure in (objects or {}).items()
        ],
        people=[Person(confidence=sure, box=BOX) for sure in people],
        text=[TextLine(content=line, polygon=[]) for line in text],
    )


def rules(text: str) -> RuleSet:
    return read_rules(text.encode(), name="own", where="own.yaml")


def one_rule(clues: str) -> RuleSet:
    """A rule ``it`` with these clues: YAML, as in ``any: [{tag: car}]``, one key a line."""
    return rules("rules:\n  - name: it\n" + "".join(f"    {line}\n" for line in clues.splitlines()))


def of_set(name: str, *analyses: Analysis) -> dict[str, Label]:
    path = find_rules(name)
    found = label(analyses, read_rules(path.read_bytes(), name=name, where=path.name))
    return {each.name: each for each in found}
