"""`make demo`: the sample photos through a running stack, and a table of what was found."""

import asyncio
import time
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console
from rich.table import Table

from tools.setup import locations
from tools.stack.errors import StackError
from tools.stack.settings import StackSettings

CLAIM = "demo"
DEADLINE_S = 180.0
POLL_S = 0.3
TAGS_SHOWN = 5
TEXT_SHOWN = 40


async def demo(settings: StackSettings) -> int:
    """Upload every sample, wait for its result; 0 if all are classified. Raises StackError if no stack answers."""
    photos = sorted(p for p in locations.samples_dir().iterdir() if p.suffix in {".jpg", ".png", ".jpeg"})
    console = Console()
    async with httpx.AsyncClient(timeout=60.0) as client:
        with console.status("uploading …") as status:
            ids = []
            for photo in photos:
                status.update(f"uploading {photo.name}")
                ids.append(await _upload(client, settings, photo))
            deadline = time.monotonic() + DEADLINE_S
            records: dict[str, dict[str, Any]] = {}
            while len(records) < len(set(ids)) and time.monotonic() < deadline:
                for identifier in set(ids) - records.keys():
                    answer = await client.get(f"{settings.url('query')}/v1/images/{identifier}")
                    if answer.status_code == httpx.codes.OK and answer.json()["status"] != "received":
                        records[identifier] = answer.json()
                status.update(f"{len(records)} of {len(set(ids))} are done")
                await asyncio.sleep(POLL_S)
    table = Table(title=f"What was found in {len(photos)} sample photos")
    for heading in ("photo", "status", "caption", "tags", "text"):
        table.add_column(heading, overflow="fold")
    for photo, identifier in zip(photos, ids, strict=True):
        table.add_row(photo.name, *_row(records.get(identifier)))
    console.print(table)
    console.print(f"Gallery: {settings.url('query')}/?claim_id={CLAIM}")
    classified = sum(record["status"] == "classified" for record in records.values())
    console.print(f"{classified} of {len(set(ids))} photos are classified.")
    return 0 if classified == len(set(ids)) else 1


async def _upload(client: httpx.AsyncClient, settings: StackSettings, photo: Path) -> str:
    try:
        answer = await client.post(
            f"{settings.url('ingest')}/v1/images",
            files={"file": (photo.name, photo.read_bytes())},
            data={"claim_id": CLAIM},
        )
    except httpx.ConnectError as error:
        raise StackError(f"Nothing answers at {settings.url('ingest')}. Start it first: make run") from error
    if answer.status_code != httpx.codes.ACCEPTED:
        raise StackError(f"{photo.name} was refused: {answer.text}")
    return str(answer.json()["id"])


def _row(record: dict[str, Any] | None) -> list[str]:
    if record is None:
        return ["still received", "", "", ""]
    analysis = record.get("analysis") or {}
    tags = ", ".join(
        f"{tag['name']} {tag['confidence']:.2f}" for tag in analysis.get("tags", [])[:TAGS_SHOWN]
    )
    text = " ".join(line["content"] for line in analysis.get("text", []))
    caption = (analysis.get("caption") or {}).get("text", "")
    return [record["status"], caption, tags, text[:TEXT_SHOWN] + ("…" if len(text) > TEXT_SHOWN else "")]
