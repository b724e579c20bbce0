"""What a terminal shows: tables for people, JSON for programs."""

import json
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

TAGS_SHOWN = 4
console = Console()
errors = Console(stderr=True)


def progress() -> Progress:
    """A bar with a count and the time left; on stderr, so that stdout stays what was asked for."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=errors)


def print_json(value: Any) -> None:
    """Indented on a terminal, one line in a pipe."""
    if console.is_terminal:
        console.print_json(json.dumps(value))
    else:
        console.file.write(json.dumps(value, ensure_ascii=False) + "\n")


def records_table(records: list[dict[str, Any]], title: str) -> Table:
    table = Table(title=title, title_justify="left")
    for heading in ("id", "claim", "status", "labels", "caption", "tags"):
        table.add_column(heading, overflow="fold", no_wrap=heading == "id")
    for record in records:
        analysis = record.get("analysis") or {}
        table.add_row(
            record["id"],
            record.get("claim_id") or "",
            record["status"],
            ", ".join(label["name"] for label in record.get("labels", [])),
            (analysis.get("caption") or {}).get("text", ""),
            ", ".join(tag["name"] for tag in analysis.get("tags", [])[:TAGS_SHOWN]),
        )
    return table
