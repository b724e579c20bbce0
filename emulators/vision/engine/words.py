"""English small enough to need no library."""

_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def with_article(words: str) -> str:
    """``car`` as ``a car``."""
    return f"{'an' if words[:1] in 'aeiou' else 'a'} {words}"


def counted(one: str, many: str, count: int) -> str:
    """``a person``, ``two people``, ``many people``."""
    if count == 1:
        return with_article(one)
    return f"{_NUMBERS[count] if count < len(_NUMBERS) else 'many'} {many}"


def shortened(text: str, length: int) -> str:
    """At most ``length`` characters of ``text``, whole words where there are blanks, and an ellipsis."""
    return text if len(text) <= length else text[:length].rsplit(" ", 1)[0] + "…"
