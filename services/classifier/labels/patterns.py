"""Patterns for text: a part of `re` whose cost has a bound, whatever the text is.

`re` tries alternatives one after another, so a pattern such as ``(a+)+b`` may take years on a line of thirty letters.
Here every repetition says how often at most, and the steps that a search takes from one place are counted before it is
compiled. Parts that follow each other multiply: the second is tried after each way in which the first can match.
"""

import re
from dataclasses import dataclass
from typing import Final

MAX_LENGTH: Final = 200
MAX_REPEAT: Final = 50
MAX_STEPS: Final = 1000
"""Tried: 5 to 25 ns each."""
MAX_DEPTH: Final = 5

_SET_OPERATIONS: Final = frozenset({"--", "&&", "||", "~~"})
_ESCAPES: Final = frozenset("dDwWsS")
_REPEAT: Final = re.compile(r"\{(\d{1,3})(?:,(\d{1,3}))?\}")
_FOREVER: Final = "write how often at most, as in {0,20}"


class BadPattern(ValueError):
    """A pattern that is refused; the text says why, and what would be taken."""


@dataclass(frozen=True)
class Pattern:
    """``steps``: what a search takes at most from one place of the text."""

    source: str
    compiled: re.Pattern[str]
    steps: int


@dataclass(frozen=True)
class _Part:
    """``ways`` in which it can match at one place, ``steps`` to try them all, characters that it takes at the
    ``least``. ``word``: what it is, if it is nothing but characters.
    """

    ways: int = 1
    steps: int = 1
    least: int = 1
    word: str | None = None


def pattern(source: str, *, case_sensitive: bool = False) -> Pattern:
    """``source`` ready for searching in a line. Raises BadPattern."""
    if not source:
        raise BadPattern("a pattern must not be empty")
    if len(source) > MAX_LENGTH:
        raise BadPattern(f"a pattern has at most {MAX_LENGTH} characters, this one has {len(source)}")
    whole = _Reader(source).whole()
    if whole.least == 0:
        raise BadPattern("it would match every line, for all of it may be missing")
    try:
        compiled = re.compile(source, 0 if case_sensitive else re.IGNORECASE)
    except re.error as error:
        raise BadPattern(f"not a regular expression: {error}") from error
    return Pattern(source, compiled, whole.steps)


class _Reader:
    def __init__(self, source: str) -> None:
        self._source = source
        self._at = 0

    def whole(self) -> _Part:
        part = self._alternatives(0)
        if self._at < len(self._source):
            raise self._bad("a ) without its (")
        return part

    def _alternatives(self, depth: int) -> _Part:
        found = [self._sequence(depth)]
        while self._take("|"):
            found.append(self._sequence(depth))
        if len(found) == 1:
            return found[0]
        words = [each.word.casefold() for each in found if each.word is not None]
        # Of different words those match at one place that begin each other.
        ways = max((sum(word.startswith(other) for other in words) for word in words), default=0)
        return self._checked(
            _Part(
                ways=ways + sum(each.ways for each in found if each.word is None),
                steps=sum(each.steps for each in found),
                least=min(each.least for each in found),
            )
        )

    def _sequence(self, depth: int) -> _Part:
        whole, start = _Part(steps=0, least=0, word=""), self._at
        while self._next not in ("", "|", ")"):
            part = self._repeated(self._one(depth))
            whole = self._checked(
                _Part(
                    ways=whole.ways * part.ways,
                    # The characters of a word are one step.
                    steps=whole.steps + (0 if whole.word and part.word else whole.ways * part.steps),
                    least=whole.least + part.least,
                    word=None if whole.word is None or part.word is None else whole.word + part.word,
                )
            )
        if self._at == start:
            raise self._bad("nothing where something is expected")
        return whole

    def _one(self, depth: int) -> _Part:
        character = self._next
        self._at += 1
        match character:
            case "^" | "$":
                return _Part(least=0)
            case ".":
                return _Part()
            case "(":
                return self._group(depth + 1)
            case "[":
                return self._set()
            case "\\":
                return self._escape()
            case "*" | "+" | "?" | "{" | "}":
                raise self._bad(f"{character} has nothing before it; write \\{character} for the character")
        return _Part(word=character)

    def _group(self, depth: int) -> _Part:
        if depth > MAX_DEPTH:
            raise self._bad(f"groups are nested more than {MAX_DEPTH} deep")
        if self._next == "?":
            if self._source[self._at : self._at + 2] != "?:":
                raise self._bad("of the groups that begin with (? only (?:…) is allowed")
            self._at += 2
        part = self._alternatives(depth)
        if not self._take(")"):
            raise self._bad("a ( without its )")
        return part

    def _set(self) -> _Part:
        self._take("^")
        start = self._at
        while self._next and (self._next != "]" or self._at == start):
            if self._next == "[" or self._source[self._at : self._at + 2] in _SET_OPERATIONS:
                raise self._bad("a sign that means, or will mean, an operation on sets; write \\ before it")
            self._at += 2 if self._next == "\\" else 1
        if not self._take("]"):
            raise self._bad("a [ without its ]")
        return _Part()

    def _escape(self) -> _Part:
        character = self._next
        self._at += 1
        if character == "b":
            return _Part(least=0)
        if not character or (character.isalnum() and character not in _ESCAPES):
            raise self._bad(
                f"\\{character} is not allowed; \\d \\D \\w \\W \\s \\S \\b and \\ before a sign are"
            )
        return _Part(1, 1)

    def _repeated(self, part: _Part) -> _Part:
        if self._next in ("*", "+"):
            raise self._bad(f"{self._next} has no bound; {_FOREVER}")
        least, most = 1, 1
        if self._take("?"):
            least = 0
        elif self._next == "{":
            least, most = self._bounds()
        else:
            return part
        if part.least == 0:
            raise self._bad("what is repeated may be empty")
        if self._next in ("?", "*", "+", "{"):
            raise self._bad(f"{self._next} after a repetition")
        ways, steps = int(least == 0), 0
        before = 1
        for times in range(1, most + 1):
            steps += before * part.steps
            before *= part.ways
            ways += before if times >= least else 0
            self._checked(_Part(ways, steps))
        return _Part(ways, steps, part.least * least)

    def _bounds(self) -> tuple[int, int]:
        found = _REPEAT.match(self._source, self._at)
        if found is None:
            raise self._bad("{ begins a repetition, {3} or {1,3}; write \\{ for the character")
        least, most = int(found[1]), int(found[2] or found[1])
        if not least <= most <= MAX_REPEAT or most == 0:
            raise self._bad(f"{found[0]}: from the lesser to the greater number, at most {MAX_REPEAT}")
        self._at = found.end()
        return least, most

    def _checked(self, part: _Part) -> _Part:
        if part.steps > MAX_STEPS or part.ways > MAX_STEPS:
            raise BadPattern(
                f"a search may take more than {MAX_STEPS} steps from one place: fewer or narrower repetitions, please"
            )
        return part

    @property
    def _next(self) -> str:
        return self._source[self._at : self._at + 1]

    def _take(self, character: str) -> bool:
        if self._next != character:
            return False
        self._at += 1
        return True

    def _bad(self, why: str) -> BadPattern:
        return BadPattern(f"near {self._source[: self._at + 1]!r}: {why}")
