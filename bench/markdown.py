"""Markdown pages: paragraphs filled, tables, and figures as people read them."""

import textwrap
from collections.abc import Iterable, Sequence
from typing import Final

WIDTH: Final = 125


def page(*parts: str) -> str:
    """Parts, which may have several paragraphs each, as a page whose lines are filled."""
    blocks = [block for part in parts if part for block in part.strip().split("\n\n")]
    return "\n\n".join(map(_filled, blocks)) + "\n"


def _filled(block: str) -> str:
    if block.startswith(("#", "|", "!", "```")):
        return block
    if block.startswith("- "):
        items = ("\n" + block).split("\n- ")[1:]
        return "\n".join(_fill(f"- {item}", "  ") for item in items)
    return _fill(block, "")


def _fill(text: str, indent: str) -> str:
    return textwrap.fill(
        " ".join(text.split()),
        WIDTH,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Columns of figures are aligned to the right, save the first column."""
    body = [list(row) for row in rows]
    figures = [
        column > 0 and bool(body) and all(_is_figure(row[column]) for row in body)
        for column in range(len(header))
    ]
    lines = [_line(header), _line(["---:" if each else "---" for each in figures])]
    return "\n".join([*lines, *map(_line, body)])


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _is_figure(cell: str) -> bool:
    bare = cell.strip("*")
    return not bare or bare[0].isdigit() or bare.startswith(("$", "–", "≤", "<", "under ", "over "))


def dollars(amount: float) -> str:
    """Cents below 10 dollars, whole dollars above."""
    if amount == 0:
        return "$0"
    if amount < 0.005:
        return "< $0.01"
    return f"${amount:,.2f}" if amount < 10 else f"${amount:,.0f}"


def figure(value: float) -> str:
    """Three digits that count, or the whole number."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def seconds(value: float) -> str:
    """``2.8 s``, ``4 min 10 s``, ``2 h 5 min``."""
    if value < 60:
        return f"{value:.1f} s"
    whole = round(value)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
