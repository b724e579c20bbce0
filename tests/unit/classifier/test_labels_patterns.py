"""Patterns: what is taken, what is refused, and that none can take long."""

import time

import pytest

from services.classifier.labels.errors import BadRules
from services.classifier.labels.evaluate import MAX_TEXT, label
from services.classifier.labels.patterns import MAX_STEPS, BadPattern, pattern
from services.classifier.labels.rules import MAX_FILE_STEPS
from tests.unit.classifier.labelling import one_rule, rules, said


@pytest.mark.parametrize(
    ("source", "fits", "fits_not"),
    [
        ("invoice", ["INVOICE no. 3", "an invoice"], ["in voice"]),
        (r"^[A-Z]{2}\d{2} ?[A-Z]{3}$", ["AB12 CDE", "ab12cde"], ["AB12 CDEF", "x AB12 CDE"]),
        (r"\b(car|van)s?\b", ["two vans", "Car."], ["carve"]),
        (r"(?:no\.?|number):? ?\d{1,6}", ["no. 12", "NUMBER: 7"], ["no twelve"]),
        (r"50 ?%|\$\d", ["50%", "$5"], ["50", "5$"]),
        (r"[^a-z\]]{3}", ["123", "x!!!"], ["abc", "]]]"]),
        (r"[]x]\.", ["].", "x."], ["y."]),
        (r"a{2}b{1,3}", ["aabbb"], ["abbb"]),
        ("K/D - #1 ~ a,b", ["k/d - #1 ~ a,b"], []),
    ],
)
def test_what_is_taken(source: str, fits: list[str], fits_not: list[str]) -> None:
    compiled = pattern(source).compiled
    assert all(map(compiled.search, fits))
    assert not any(map(compiled.search, fits_not))


def test_case_counts_only_where_it_shall() -> None:
    assert pattern("AB").compiled.search("ab")
    assert not pattern("AB", case_sensitive=True).compiled.search("ab")


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("", "must not be empty"),
        ("a" * 201, "at most 200 characters, this one has 201"),
        ("(a+)+b", "near '(a+': + has no bound; write how often at most, as in {0,20}"),
        ("(a*)*b", "* has no bound"),
        (".*", "* has no bound"),
        ("a{2,}", "{ begins a repetition, {3} or {1,3}"),
        ("a{,3}", "{ begins a repetition"),
        ("a{3,1}", "{3,1}: from the lesser to the greater number, at most 50"),
        ("a{51}", "at most 50"),
        ("a{0}", "from the lesser to the greater"),
        ("(a{0,9}){0,9}", "what is repeated may be empty"),
        (r"(\b){50}a", "what is repeated may be empty"),
        ("^{3}a", "what is repeated may be empty"),
        ("a??b", "? after a repetition"),
        ("a{2}{3}", "{ after a repetition"),
        ("a{1,3}+b", "+ after a repetition"),
        ("(a|aa){1,40}b", f"more than {MAX_STEPS} steps"),
        ("(a|a){1,20}b", f"more than {MAX_STEPS} steps"),
        ("(.|.){12}", f"more than {MAX_STEPS} steps"),
        ("a{0,30}a{0,30}a{0,30}b", f"more than {MAX_STEPS} steps"),
        ("a?" * 12 + "b", f"more than {MAX_STEPS} steps"),
        (r"(a)\1", r"\1 is not allowed"),
        ("(?P<x>a)", "only (?:…) is allowed"),
        ("(?=a)b", "only (?:…) is allowed"),
        ("(?i)a", "only (?:…) is allowed"),
        ("(?:a", "a ( without its )"),
        ("a)", "a ) without its ("),
        ("[a", "a [ without its ]"),
        ("[]", "a [ without its ]"),
        ("[[a]", "operation on sets"),
        ("[a--b]", "operation on sets"),
        ("[z-a]", "not a regular expression: bad character range z-a"),
        ("a||b", "nothing where something is expected"),
        ("()", "nothing where something is expected"),
        ("+a", "has nothing before it"),
        ("a\\", "is not allowed"),
        (r"\Aabc", r"\A is not allowed"),
        ("a?", "it would match every line"),
        (r"\b", "it would match every line"),
        ("^$", "it would match every line"),
        ("a|b?", "it would match every line"),
        ("((((((a))))))", "nested more than 5 deep"),
    ],
)
def test_what_is_refused(source: str, said: str) -> None:
    with pytest.raises(BadPattern) as caught:
        pattern(source)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    "source",
    [
        "[ab]{0,20}[ab]{0,20}c",
        "(?:[ab]{1,2}){0,7}c",
        "[ab]?" * 8 + "c",
        "(?:.|.){8}c",
        "(?:a|ab|aba|[ab]){0,4}c",
        r"(?:\w?[ab]){1,7}c",
        "[ab]{1,50}c",
    ],
)
def test_the_dearest_patterns_on_the_worst_text_end_soon(source: str) -> None:
    """A step is 5 to 25 ns; allowed is ten times that, for slow machines."""
    compiled = pattern(source)
    assert compiled.steps <= MAX_STEPS
    lines = ["ab" * 100] * (MAX_TEXT // 200)
    began = time.process_time()
    assert not any(compiled.compiled.search(line) for line in lines)
    assert time.process_time() - began < compiled.steps * MAX_TEXT * 250e-9


def test_the_steps_are_no_less_than_what_re_needs() -> None:
    """Twice the steps of a pattern take about twice as long: the count follows the cost, and does not lag behind."""

    def seconds_per_step(source: str) -> float:
        compiled = pattern(source)
        lines = ["ab" * 100] * 10
        times = []
        for _ in range(5):
            began = time.process_time()
            for line in lines:
                compiled.compiled.search(line)
            times.append(time.process_time() - began)
        return min(times) / compiled.steps

    cheap, dear = seconds_per_step("[ab]{0,6}[ab]{0,6}c"), seconds_per_step("[ab]{0,21}[ab]{0,20}c")
    assert dear < cheap * 5


def test_words_are_one_step_each_and_only_those_that_begin_each_other_are_ways() -> None:
    words = pattern("(" + "|".join(["load", "load game", "save", "quit"]) + r")\d{1,9}")
    # Four words, then up to nine digits after each of the two that can match at one place.
    assert words.steps == 4 + 2 * 9


def test_a_files_patterns_have_a_bound_together() -> None:
    dear = "[ab]{0,20}[ab]{0,20}c"
    clues = ", ".join(f"{{text: '{dear}'}}" for _ in range(MAX_FILE_STEPS // pattern(dear).steps + 1))
    with pytest.raises(BadRules, match="a search for all patterns may take"):
        rules(f"rules: [{{name: it, any: [{clues}]}}]")


def test_text_that_is_too_long_is_cut_not_refused() -> None:
    tail = one_rule("any: [{text: needle}, {phrase: needle}]")
    assert label([said(text=["needle"])], tail)[0].name == "it"
    assert label([said(text=["x" * 300 + "needle"])], tail)[0].name == "unlabelled"
    assert label([said(text=["x" * 200] * 50 + ["needle"])], tail)[0].name == "unlabelled"
    assert label([said(text=["x" * 200] * 49 + ["needle"])], tail)[0].name == "it"
    assert label([said(text=["x" * 130] * 77 + ["needle"])], tail)[0].name == "unlabelled"


def test_a_hostile_file_and_a_hostile_picture_hold_the_service_up_for_moments_only() -> None:
    dear = "[ab]{0,20}[ab]{0,20}c"
    count = MAX_FILE_STEPS // pattern(dear).steps
    clues = "any: [" + ", ".join(f"{{text: '{dear}'}}" for _ in range(count)) + "]"
    began = time.process_time()
    assert label([said(text=["ab" * 500] * 5000)], one_rule(clues))[0].name == "unlabelled"
    assert time.process_time() - began < 10
