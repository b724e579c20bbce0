"""A rule file that cannot be used: every fault is named with the file, the rule, the field, and what is allowed."""

import pytest

from services.classifier.labels.errors import BadRules
from services.classifier.labels.reading import MAX_BYTES, MAX_FAULTS, read_rules
from services.classifier.labels.rules import MAX_RULES
from tests.unit.classifier.labelling import rules


def faults(text: str | bytes) -> list[str]:
    content = text if isinstance(text, bytes) else text.encode()
    with pytest.raises(BadRules) as caught:
        read_rules(content, name="own", where="own.yaml")
    lines = str(caught.value).splitlines()
    assert all(line.startswith("own.yaml: ") for line in lines)
    return [line.removeprefix("own.yaml: ") for line in lines]


def clue_faults(clue: str) -> list[str]:
    return faults(f"rules: [{{name: it, any: [{clue}]}}]")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "must be a mapping with the key `rules`"),
        ("- name: it", "must be a mapping with the key `rules`"),
        ("review_below: 0.5", "rules: must be given"),
        ("rules: it", "rules: must be a list, not 'it'"),
        ("rules: []", "rules: must not be an empty list"),
        ("rules: [it]", "rule number 1: must be a mapping such as {name: …}, not 'it'"),
        ("rules: [{any: [{tag: a}]}]", "rule number 1: name: must be given"),
        ("rules: [{name: 7, any: [{tag: a}]}]", "rule number 1: name: must be text, not 7; put it in quotes"),
        (
            "rules: [{name: Water Damage, any: [{tag: a}]}]",
            "rule 'Water Damage': name: must be words of a-z and 0-9 joined by hyphens, as in water-damage; "
            "not 'Water Damage'",
        ),
        (
            "rules: [{name: it}]",
            "rule 'it': all or any must have something in it, or the rule would fit every picture",
        ),
        ("rules: [{name: it, none: [{tag: a}]}]", "rule 'it': all or any must have something in it"),
        (
            "rules: [{name: none, any: [{tag: a}]}]",
            "rule 'none': name: 'none' is what a picture without a rule has",
        ),
        (
            "rules: [{name: unlabelled, any: [{tag: a}]}]",
            "label: 'unlabelled' is what a picture gets that no rule fits",
        ),
        ("rules: [{name: it, any: {tag: a}}]", "rule 'it': any: must be a list, not {'tag': 'a'}"),
        (
            "rules: [{name: it, any: [car]}]",
            "rule 'it': any number 1: must be a mapping such as {tag: car}, not 'car'",
        ),
        (
            "rules: [{name: it, sum: [{tag: a}]}]",
            "rule 'it': sum: there is no such field; allowed are all, any, label,",
        ),
        ("rules: [{name: it, any: [{tag: a}], review_below: 2}]", "review_below: must be at most 1, not 2"),
        (
            "review_below: high\nrules: [{name: it, any: [{tag: a}]}]",
            "review_below: must be a number, not 'high'",
        ),
        (
            "rule: []\nrules: [{name: it, any: [{tag: a}]}]",
            "rule: there is no such field, perhaps 'rules'; allowed are",
        ),
        (
            "rules: [{name: it, any: [{tag: a}]}, {name: it, any: [{tag: b}]}]",
            "rules: two have the name 'it'; names differ, labels need not",
        ),
        ("rules: [", "line 1, column 9:"),
        (
            "rules:\n  - name: it\n    any: [{tag: a}]\n    any: [{tag: b}]\n",
            "line 4, column 5: the key 'any' stands twice",
        ),
        ("rules: [{name: it, any: &a [{tag: x}], all: *a}]", "aliases (*name) are not taken"),
        ("{[a]: 1}", "a key must be a word"),
        (b"rules: [{name: it, any: [{tag: caf\xe9}]}]", "not UTF-8"),
        ("rules: !!python/object/apply:os.getcwd []", "could not determine a constructor"),
        ("[" * 5000, "nested too deeply"),
        (b" " * (MAX_BYTES + 1), f"{MAX_BYTES + 1} bytes, at most {MAX_BYTES} are allowed"),
    ],
)
def test_a_fault_of_the_file_or_a_rule(text: str | bytes, said: str) -> None:
    (fault,) = faults(text)
    assert said in fault


@pytest.mark.parametrize(
    ("clue", "said"),
    [
        (
            "{min: 0.5}",
            "exactly one of tag, object, caption, phrase, text, lines, people must be given, none is given",
        ),
        ("{tag: a, object: b}", "must be given, not tag and object"),
        (
            "{tags: a}",
            "tags: there is no such field, perhaps 'tag'; allowed are caption, case_sensitive, engine, lines,",
        ),
        ("{tag: a, min: 1.5}", "min: must be at most 1, not 1.5"),
        ("{tag: a, min: -0.1}", "min: must be at least 0, not -0.1"),
        ("{tag: a, min: '0.5'}", "min: must be a number, not '0.5'"),
        ("{tag: a, min: .nan}", "min: must be at most 1, not nan"),
        ("{tag: a, weight: 0}", "weight: must be above 0, not 0"),
        ("{tag: a, weight: yes}", "weight: must be a number, not true"),
        ("{tag: no}", "tag: must be text, or a list of texts, not false; put it in quotes"),
        ("{tag: []}", "tag: must not be an empty list"),
        ("{tag: [car, 911]}", "tag number 2: must be text, not 911; put it in quotes"),
        ("{tag: ['', car]}", "tag number 1: must have a letter or digit in it, not ''"),
        ("{object: '--'}", "object number 1: must have a letter or digit in it, not '--'"),
        (f"{{caption: {'x' * 101}}}", "caption number 1: must have at most 100 characters"),
        (f"{{tag: [{', '.join(['a'] * 201)}]}}", "tag: must be a list of at most 200, not of 201"),
        ("{people: 0}", "people: must be at least 1, not 0"),
        ("{people: 1.5}", "people: must be a whole number, not 1.5"),
        ("{lines: many}", "lines: must be a whole number, not 'many'"),
        ("{lines: 5, min: 0.5}", "min is for tag, object, caption, people; for lines give weight"),
        ("{text: abc, min: 0.5}", "min is for tag, object, caption, people; for text give weight"),
        ("{tag: a, case_sensitive: true}", "case_sensitive is for text alone"),
        ("{text: a, case_sensitive: 1}", "case_sensitive: must be true or false, not 1"),
        ("{phrase: [water, van]}", "phrase 'van' has less than 4 letters; use text for it"),
        ("{text: 'a+'}", "text 'a+': near 'a+': + has no bound; write how often at most, as in {0,20}"),
        ("{tag: a, engine: ''}", "engine: must have a letter or digit in it, not ''"),
    ],
)
def test_a_fault_of_a_clue(clue: str, said: str) -> None:
    (fault,) = clue_faults(clue)
    assert fault.startswith("rule 'it': any number 1: ")
    assert said in fault


def test_every_fault_is_told_at_once() -> None:
    found = faults("rules: [{name: a, any: [{tag: 1}, {min: 2}]}, {name: b}, {any: [{tag: x}]}]")
    assert len(found) == 4
    assert [fault.partition(":")[0] for fault in found] == [
        "rule 'a'",
        "rule 'a'",
        "rule 'b'",
        "rule number 3",
    ]


def test_very_many_faults_are_cut() -> None:
    found = faults(f"rules: [{', '.join(['{name: X}'] * (MAX_FAULTS + 5))}]")
    assert len(found) == MAX_FAULTS + 1
    assert found[-1] == "and 5 more"


def test_too_many_rules() -> None:
    one = "{{name: r{}, any: [{{tag: a}}]}}"
    (fault,) = faults(f"rules: [{', '.join(one.format(i) for i in range(MAX_RULES + 1))}]")
    assert fault == f"rules: must be a list of at most {MAX_RULES}, not of {MAX_RULES + 1}"


def test_a_long_value_is_shown_short() -> None:
    (fault,) = clue_faults(f"{{tag: a, min: '{'9' * 5000}'}}")
    assert len(fault) < 200


def test_a_good_file() -> None:
    found = rules(
        """
        review_below: 0.7
        rules:
          - name: damage-by-model
            label: damage
            all: [{tag: car}, {lines: 2, weight: 0.5}]
            any: [{object: [dent, scratch], min: 0.3, engine: custom}, {text: '^[A-Z]{2}$', case_sensitive: true}]
            none: [{people: 2}]
            review_below: 0.9
        """
    )
    (rule,) = found.file.rules
    assert (rule.name, rule.label, rule.review_below) == ("damage-by-model", "damage", 0.9)
    assert [clue.kind for clue in rule.clues] == ["tag", "lines", "object", "text", "people"]
    assert found.version.startswith("own@")


def test_the_version_changes_with_the_content() -> None:
    texts = [f"rules: [{{name: it, any: [{{tag: {tag}}}]}}]" for tag in ("a", "b", "a")]
    first, second, third = (rules(text).version for text in texts)
    assert first == third != second
