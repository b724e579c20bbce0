"""How evidence becomes labels."""

import itertools
from typing import Any

import pytest

from services.classifier.labels.evaluate import MAX_EVIDENCE, label, labelled
from services.contracts.records import Analysis, ImageRecord, Review, Status, now
from tests.unit.classifier.conftest import ETAG, record
from tests.unit.classifier.labelling import one_rule, rules, said


def fits(clues: str, *analyses: Analysis) -> float | None:
    """How sure the rule ``it`` is; None if it does not fit."""
    (found,) = label(analyses, one_rule(clues))
    return None if found.name == "unlabelled" else found.confidence


@pytest.mark.parametrize(
    ("clue", "analysis", "confidence"),
    [
        ("{tag: car}", said(tags={"car": 0.9}), 0.9),
        ("{tag: car}", said(tags={"car": 0.49}), None),
        ("{tag: car}", said(tags={"car": 0.5}), 0.5),
        ("{tag: car, min: 0.2}", said(tags={"car": 0.2}), 0.2),
        ("{tag: car, weight: 0.5}", said(tags={"car": 0.9}), 0.45),
        ("{tag: car}", said(tags={"sports car": 0.9}), None),
        ("{tag: water-damage}", said(tags={"Water_Damage": 0.9}), 0.9),
        ("{tag: [car, truck]}", said(tags={"truck": 0.7, "car": 0.6}), 0.7),
        ("{tag: car}", said(objects={"car": 0.9}), None),
        ("{object: car}", said(objects={"Car": 0.8}), 0.8),
        ("{object: car}", said(tags={"car": 0.9}), None),
        ("{caption: wreck}", said(caption=("the WRECK, of a car", 0.7)), 0.7),
        ("{caption: on fire}", said(caption=("a house on-fire at night", 0.7)), 0.7),
        ("{caption: wreck}", said(caption=("a shipwreck", 0.9)), None),
        ("{caption: wreck}", said(caption=("a wreck", 0.3)), None),
        ("{phrase: accident report}", said(text=["An ACCIDENTREPORT", "x"]), 1.0),
        ("{phrase: accident report, weight: 0.7}", said(text=["acci dent re-port 7"]), 0.7),
        ("{phrase: accident report}", said(text=["accident", "report"]), None),
        (r"{text: '\d{3}'}", said(text=["no", "x 123"]), 1.0),
        (r"{text: 'ab', weight: 0.4}", said(text=["AB"]), 0.4),
        (r"{text: 'ab', case_sensitive: true}", said(text=["AB"]), None),
        ("{lines: 3}", said(text=["a", "b", "c"]), 1.0),
        ("{lines: 3, weight: 0.8}", said(text=["a", "b", "c", "d"]), 0.8),
        ("{lines: 3}", said(text=["a", "b"]), None),
        ("{people: 1}", said(people=[0.9]), 0.9),
        ("{people: 2}", said(people=[0.6, 0.9, 0.7]), 0.7),
        ("{people: 2}", said(people=[0.9, 0.4]), None),
        ("{people: 2, min: 0.3}", said(people=[0.9, 0.4]), 0.4),
        ("{tag: dent, engine: custom}", said(tags={"dent": 0.9}), None),
        ("{tag: dent, engine: custom}", said(tags={"dent": 0.9}, engine="custom"), 0.9),
    ],
)
def test_one_clue(clue: str, analysis: Analysis, confidence: float | None) -> None:
    assert fits(f"any: [{clue}]", analysis) == confidence
    assert fits(f"all: [{clue}]", analysis) == confidence
    excluded = fits(f"all: [{{tag: sky}}]\nnone: [{clue}]", analysis, said(tags={"sky": 0.8}))
    assert excluded == (0.8 if confidence is None else None)


@pytest.mark.parametrize(
    ("tags", "confidence"),
    [
        ({"a": 0.9, "b": 0.7, "x": 0.8}, 0.7),
        ({"a": 0.9, "b": 0.8, "x": 0.6, "y": 0.7}, 0.7),
        ({"a": 0.9, "b": 0.8}, None),
        ({"a": 0.9, "x": 0.9}, None),
        ({"a": 0.9, "b": 0.8, "x": 0.9, "n": 0.5}, None),
        ({"a": 0.9, "b": 0.8, "x": 0.9, "n": 0.4}, 0.8),
    ],
)
def test_a_rule_is_as_sure_as_its_weakest_part_and_its_surest_alternative(
    tags: dict[str, float], confidence: float | None
) -> None:
    clues = "all: [{tag: a}, {tag: b}]\nany: [{tag: x}, {tag: y}]\nnone: [{tag: n}]"
    assert fits(clues, said(tags=tags)) == confidence


def test_evidence_names_what_was_seen_how_sure_and_by_whom() -> None:
    clues = "all: [{tag: car}]\nany: [{object: dent, weight: 0.5}, {text: 'no\\. \\d{1,5}', weight: 0.9}, {people: 1}]"
    (found,) = label(
        [
            said(tags={"Car": 0.9}, text=["claim No. 42!"]),
            said(tags={"car": 0.7}, objects={"dent": 0.8}, engine="custom"),
        ],
        one_rule(clues),
    )
    assert (found.name, found.confidence, found.source, found.review) == ("it", 0.9, "rule:it", False)
    assert [(each.kind, each.value, each.confidence, each.engine) for each in found.evidence] == [
        ("tag", "Car", 0.9, "eye"),
        ("text", "No. 42", 0.9, "eye"),
        ("tag", "car", 0.7, "custom"),
        ("object", "dent", 0.4, "custom"),
    ]


def test_the_surest_of_many_names_counts() -> None:
    tags = {f"t{i}": 0.5 + i / 100 for i in range(40)}
    assert fits(f"any: [{{tag: [{', '.join(tags)}]}}]", said(tags=tags)) == 0.89


def test_evidence_has_an_end_but_always_the_best_of_each_clue() -> None:
    tags = {f"t{i}": 0.9 for i in range(20)}
    names = ", ".join(tags)
    (found,) = label([said(tags=tags | {"weak": 0.5})], one_rule(f"all: [{{tag: [{names}]}}, {{tag: weak}}]"))
    assert len(found.evidence) == MAX_EVIDENCE
    assert found.evidence[-1].value == "weak"


def test_the_same_thing_seen_by_two_clues_is_told_once() -> None:
    (found,) = label([said(tags={"car": 0.9})], one_rule("any: [{tag: car}, {tag: [car, van], weight: 0.5}]"))
    assert [(each.value, each.confidence) for each in found.evidence] == [("car", 0.9)]


def test_several_rules_of_one_label_give_it_once_from_the_surest() -> None:
    both = rules(
        "rules:\n"
        "  - {name: weak, label: damage, any: [{tag: a}]}\n"
        "  - {name: strong, label: damage, any: [{tag: b}]}\n"
        "  - {name: other, any: [{tag: b}]}"
    )
    found = label([said(tags={"a": 0.6, "b": 0.8})], both)
    assert [(each.name, each.source) for each in found] == [
        ("damage", "rule:strong"),
        ("other", "rule:other"),
    ]
    equal = label([said(tags={"a": 0.8, "b": 0.8})], both)
    assert equal[0].source == "rule:weak"


def test_the_order_is_the_same_whatever_the_order_of_what_was_said() -> None:
    set_ = rules(
        "rules:\n"
        "  - {name: b, any: [{tag: [x, y]}]}\n"
        "  - {name: c, any: [{tag: z}]}\n"
        "  - {name: a, any: [{tag: [y, z]}]}"
    )
    tags = [("x", 0.7), ("y", 0.7), ("z", 0.9)]
    answers = {
        tuple(one.model_dump_json() for one in label([said(tags=dict(order)), said(engine="e")], set_))
        for order in itertools.permutations(tags)
    }
    assert len(answers) == 1
    names = [each.name for each in label([said(tags=dict(tags))], set_)]
    assert names == ["a", "c", "b"]


def test_what_is_not_sure_enough_is_for_review() -> None:
    both = rules(
        "review_below: 0.7\n"
        "rules:\n"
        "  - {name: strict, any: [{tag: a}], review_below: 0.95}\n"
        "  - {name: plain, any: [{tag: [a, b]}]}"
    )
    assert {each.name: each.review for each in label([said(tags={"a": 0.9})], both)} == {
        "strict": True,
        "plain": False,
    }
    assert [each.review for each in label([said(tags={"b": 0.69})], both)] == [True]
    assert [each.review for each in label([said(tags={"b": 0.7})], both)] == [False]


def test_a_picture_that_no_rule_fits_is_unlabelled_and_for_review() -> None:
    (found,) = label([said(tags={"moon": 0.9})], one_rule("any: [{tag: car}]"))
    assert (found.name, found.source, found.confidence) == ("unlabelled", "rule:none", 0.0)
    assert found.evidence == []
    assert found.review


CAR = one_rule("any: [{tag: car}]")


def classified(**changes: Any) -> ImageRecord:
    analysis = said(tags={"car": 0.9}).model_copy(update={"blob_etag": ETAG})
    base = record(status=Status.CLASSIFIED, analysis=analysis)
    base.image.etag = ETAG
    return base.model_copy(update=changes)


def test_the_record_gets_labels_the_version_of_the_rules_and_whether_a_person_should_look() -> None:
    found = labelled(classified(), CAR)
    assert [each.name for each in found.labels] == ["it"]
    assert found.label_rules == CAR.version
    assert not found.needs_review
    assert labelled(classified(), one_rule("any: [{tag: moon}]")).needs_review
    assert labelled(classified(), one_rule("any: [{tag: car, weight: 0.6}]")).needs_review


def test_what_a_person_has_reviewed_needs_no_more() -> None:
    review = Review(labels=["car"], by="ann", at=now())
    found = labelled(classified(review=review), one_rule("any: [{tag: moon}]"))
    assert [each.name for each in found.labels] == ["unlabelled"]
    assert not found.needs_review


def test_all_engines_count_each_once_and_none_of_an_earlier_version() -> None:
    eye = said(tags={"car": 0.6}).model_copy(update={"blob_etag": ETAG})
    custom = said(tags={"car": 0.9}, engine="custom").model_copy(update={"blob_etag": ETAG})
    old = said(tags={"car": 0.99}, engine="old").model_copy(update={"blob_etag": "0xOLD"})
    found = labelled(classified(analysis=eye, analyses={"old": old, "custom": custom, "eye": eye}), CAR)
    assert [(each.engine, each.confidence) for each in found.labels[0].evidence] == [
        ("custom", 0.9),
        ("eye", 0.6),
    ]


def test_a_rejected_picture_loses_its_labels_and_a_waiting_one_keeps_them() -> None:
    before = labelled(classified(), CAR)
    assert before.labels
    rejected = labelled(before.model_copy(update={"status": Status.REJECTED}), CAR)
    assert (rejected.labels, rejected.label_rules, rejected.needs_review) == ([], None, False)
    waiting = before.model_copy(update={"status": Status.RECEIVED})
    assert labelled(waiting, one_rule("any: [{tag: moon}]")) == waiting
