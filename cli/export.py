"""`claimlens export`: pictures with a person's labels, as a training set."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from rich.progress import Progress

from cli.client import Client, Record

MANIFEST = "manifest.jsonl"


def reviewed(records: Iterable[Record]) -> Iterator[Record]:
    """Those that a person has looked at."""
    return (record for record in records if record.get("review"))


def export(client: Client, records: list[Record], folder: Path, bar: Progress) -> int:
    """Write ``images/{id}.{ext}`` and ``manifest.jsonl``, a line a picture; give the number.

    A line: file, labels (the person's), machine (labels and tags with confidences), claim_id, sha256, reviewed_by,
    reviewed_at, note. Pictures that are there with the right size are not fetched again.
    """
    images = folder / "images"
    images.mkdir(parents=True, exist_ok=True)
    task = bar.add_task("exporting", total=len(records))
    lines = []
    for record in records:
        image = record["image"]
        path = images / f"{record['id']}.{image['blob'].rpartition('.')[2]}"
        if not path.exists() or path.stat().st_size != image["size"]:
            fresh = path.with_suffix(".part")
            fresh.write_bytes(client.content(record["id"]))
            fresh.replace(path)
        lines.append(json.dumps(_line(record, path.relative_to(folder)), ensure_ascii=False))
        bar.advance(task)
    (folder / MANIFEST).write_text("".join(f"{line}\n" for line in lines))
    return len(lines)


def _line(record: Record, file: Path) -> dict[str, Any]:
    review = record["review"]
    return {
        "file": file.as_posix(),
        "labels": review["labels"],
        "machine": {
            "labels": {label["name"]: label["confidence"] for label in record.get("labels", [])},
            "tags": {
                tag["name"]: tag["confidence"] for tag in (record.get("analysis") or {}).get("tags", [])
            },
        },
        "claim_id": record.get("claim_id"),
        "sha256": record["image"]["sha256"],
        "reviewed_by": review["by"],
        "reviewed_at": review["at"],
        "note": review.get("note"),
    }
