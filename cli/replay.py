"""`claimlens replay`: classify many pictures again, at a bounded rate, where it left off."""

import hashlib
import json
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from rich.progress import Progress

from cli.client import Client, Record
from cli.errors import CliError, Refused


@dataclass
class Journal:
    """The ids that are done, a line each, in a file that outlives an interrupted run."""

    path: Path
    done: set[str] = field(default_factory=set)

    def load(self) -> "Journal":
        """Raises CliError if the file cannot be used."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.done = set(self.path.read_text().split()) if self.path.exists() else set()
        except OSError as error:
            raise CliError(f"{self.path}: {error.strerror}; name another with --journal") from error
        return self

    def add(self, image_id: str) -> None:
        with self.path.open("a") as file:
            file.write(f"{image_id}\n")
        self.done.add(image_id)

    def discard(self) -> None:
        """All is done: the next replay of the same selection begins anew."""
        self.path.unlink(missing_ok=True)


def journal_path(criteria: dict[str, object], model_version: str | None) -> Path:
    """A journal for one selection of pictures: an interrupted replay goes on only where the same is asked again."""
    text = json.dumps([criteria, model_version], sort_keys=True)
    return Path(".data") / f"replay-{hashlib.sha256(text.encode()).hexdigest()[:12]}.journal"


def chosen(records: Iterable[Record], model_version: str | None) -> Iterator[Record]:
    """Those of the records that this model version has classified; all where none is named."""
    for record in records:
        version = (record.get("analysis") or {}).get("model_version")
        if model_version is None or version == model_version:
            yield record


def replay(
    client: Client,
    ids: list[str],
    journal: Journal,
    rate_per_s: float,
    bar: Progress,
    wait: Callable[[float], None] = time.sleep,
) -> list[tuple[str, str]]:
    """Ask for each again; give (id, why) of the refused. Raises Unreachable; the next run goes on there."""
    task = bar.add_task("classifying again", total=len(ids))
    refused = []
    for image_id in ids:
        if image_id not in journal.done:
            started = time.monotonic()
            try:
                client.classify_again(image_id)
                journal.add(image_id)
            except Refused as error:
                refused.append((image_id, str(error)))
            wait(max(0.0, 1 / rate_per_s - (time.monotonic() - started)))
        bar.advance(task)
    return refused
