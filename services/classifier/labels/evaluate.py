"""From what the engines said to labels. Pure: the same analyses and rules give the same labels in the same order.

A clue is as sure as the surest thing that matches it: the engine's confidence times the clue's weight. A rule is as
sure as the least sure of the clues under ``all`` and of the surest clue under ``any``. Confidences of one picture's
tags are no independent witnesses (``car`` and ``vehicle`` are said together), so they are never added up.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from services.classifier.labels.reading import RuleSet
from services.classifier.labels.rules import NO_RULE, UNLABELLED, Clue, Rule, normal, squeezed
from services.contracts.records import Analysis, Evidence, ImageRecord, Label, Status

MAX_EVIDENCE: Final = 8
MAX_VALUE: Final = 80
MAX_LINE: Final = 200
MAX_TEXT: Final = 10_000
"""Characters of one engine's text that patterns are tried on; with patterns.MAX_STEPS, the bound of their cost."""

_NO_WORD: Final = re.compile(r"[\W_]+")


def labelled(record: ImageRecord, rules: RuleSet) -> ImageRecord:
    """The record with the labels of its analyses: all engines' words of the present version of the blob.

    A rejected picture has no labels; one that still waits for its primary engine keeps those that it has. What a
    person has reviewed needs no more review.
    """
    match record.status:
        case Status.CLASSIFIED:
            found = label(spoken(record), rules)
            changes = {
                "labels": found,
                "label_rules": rules.version,
                "needs_review": record.review is None and any(each.review for each in found),
            }
        case Status.REJECTED:
            changes = {"labels": [], "label_rules": None, "needs_review": False}
        case _:
            return record
    return record.model_copy(update=changes)


def spoken(record: ImageRecord) -> list[Analysis]:
    """One analysis an engine, the primary's first; none of an earlier version of the blob."""
    primary = [record.analysis] if record.analysis else []
    by_engine = {each.engine: each for each in (*record.analyses.values(), *primary)}
    ordered = {each.engine: by_engine[each.engine] for each in (*primary, *by_engine.values())}
    return [each for each in ordered.values() if each.blob_etag == record.image.etag]


def label(analyses: Sequence[Analysis], rules: RuleSet) -> list[Label]:
    """Surest first, then by name; of several rules with one label the surest, then the first. Never empty."""
    seen = [_Seen.of(each) for each in analyses]
    best: dict[str, Label] = {}
    for rule in rules.file.rules:
        found = _apply(rule, seen, rules.file.review_below)
        if found and (found.name not in best or best[found.name].confidence < found.confidence):
            best[found.name] = found
    if not best:
        return [Label(name=UNLABELLED, confidence=0.0, source=f"rule:{NO_RULE}", review=True)]
    return sorted(best.values(), key=lambda each: (-each.confidence, each.name))


@dataclass(frozen=True)
class _Seen:
    """An analysis made ready for looking things up. ``named``: kind → normal name → confidence, name as said."""

    engine: str
    named: dict[str, dict[str, tuple[float, str]]]
    captions: list[tuple[str, float]]
    lines: list[str]
    squeezed: list[str]
    line_count: int
    people: list[float]

    @classmethod
    def of(cls, analysis: Analysis) -> "_Seen":
        named: dict[str, dict[str, tuple[float, str]]] = {"tag": {}, "object": {}}
        for kind, things in (("tag", analysis.tags), ("object", analysis.objects)):
            for thing in things:
                key, said = normal(thing.name), (thing.confidence, thing.name)
                named[kind][key] = max(named[kind].get(key, said), said)
        captions = [*([analysis.caption] if analysis.caption else []), *analysis.dense_captions]
        lines = list(_bounded(line.content for line in analysis.text))
        return cls(
            engine=analysis.engine,
            named=named,
            captions=[(f" {_NO_WORD.sub(' ', each.text.casefold())} ", each.confidence) for each in captions],
            lines=lines,
            squeezed=[squeezed(line) for line in lines],
            line_count=len(analysis.text),
            people=sorted((each.confidence for each in analysis.people), reverse=True),
        )


def _apply(rule: Rule, seen: Sequence[_Seen], review_below: float) -> Label | None:
    if any(_matches(clue, seen) for clue in rule.none):
        return None
    needed = [_matches(clue, seen) for clue in rule.all_]
    either = [found for clue in rule.any_ if (found := _matches(clue, seen))]
    if not all(needed) or (rule.any_ and not either):
        return None
    parts = [found[0].confidence for found in needed]
    if either:
        parts.append(max(found[0].confidence for found in either))
    confidence = min(parts)
    limit = review_below if rule.review_below is None else rule.review_below
    return Label(
        name=rule.label,
        confidence=confidence,
        source=f"rule:{rule.name}",
        evidence=_chosen([*needed, *either]),
        review=confidence < limit,
    )


def _matches(clue: Clue, seen: Sequence[_Seen]) -> list[Evidence]:
    """What is said that the clue asks for, surest first."""
    found = [
        Evidence(
            kind=clue.kind,
            value=value[:MAX_VALUE],
            confidence=round(confidence * clue.weight, 4),
            engine=each.engine,
        )
        for each in seen
        if clue.engine is None or each.engine == clue.engine
        for value, confidence in _said(clue, each)
    ]
    return sorted(found, key=_order)


def _said(clue: Clue, seen: _Seen) -> Iterator[tuple[str, float]]:
    """Values that match, with what the engine gave them: 1 for phrases, text and lines."""
    match clue.kind:
        case "tag" | "object" as kind:
            for name in clue.names & seen.named[kind].keys():
                confidence, said = seen.named[kind][name]
                if confidence >= clue.threshold:
                    yield said, confidence
        case "caption":
            for name in clue.names:
                sure = [each for text, each in seen.captions if f" {name} " in text]
                if sure and max(sure) >= clue.threshold:
                    yield name, max(sure)
        case "phrase":
            for said, wanted in clue.phrases:
                if any(wanted in line for line in seen.squeezed):
                    yield said, 1.0
        case "text":
            for line in seen.lines:
                for each in clue.patterns:
                    if hit := each.compiled.search(line):
                        yield hit.group().strip(), 1.0
        case "lines":
            if clue.lines and seen.line_count >= clue.lines:
                yield str(seen.line_count), 1.0
        case "people":
            sure = [each for each in seen.people if each >= clue.threshold]
            if clue.people and len(sure) >= clue.people:
                yield str(len(sure)), sure[clue.people - 1]


def _chosen(by_clue: Sequence[Sequence[Evidence]]) -> list[Evidence]:
    """The surest of each clue, and of the rest the surest up to MAX_EVIDENCE; each once, surest first."""
    firsts = [found[0] for found in by_clue]
    rest = sorted((each for found in by_clue for each in found[1:]), key=_order)
    chosen: dict[tuple[str, str, str], Evidence] = {}
    for each in (*firsts, *rest):
        key = (each.kind, each.value, each.engine)
        if key in chosen:
            chosen[key] = min(chosen[key], each, key=_order)
        elif len(chosen) < max(MAX_EVIDENCE, len(firsts)):
            chosen[key] = each
    return sorted(chosen.values(), key=_order)


def _order(evidence: Evidence) -> tuple[float, str, str, str]:
    return (-evidence.confidence, evidence.kind, evidence.value, evidence.engine)


def _bounded(lines: Iterator[str]) -> Iterator[str]:
    left = MAX_TEXT
    for line in lines:
        cut = line[: min(MAX_LINE, left)]
        left -= len(cut)
        if cut:
            yield cut
        if not left:
            return
