"""The commands: parse → call → show."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from cli.client import Client
from cli.errors import CliError
from cli.export import export as export_set
from cli.export import reviewed
from cli.output import console, errors, print_json, progress, records_table
from cli.replay import Journal, chosen, journal_path
from cli.replay import replay as replay_all
from cli.settings import CliSettings
from cli.upload import files, upload_all

HELP = (
    "claimlens from a terminal: upload, find, classify again. CLAIMLENS_INGEST_URL and _QUERY_URL say where."
)
app = typer.Typer(help=HELP, no_args_is_help=True, add_completion=False)
POLL_S = 0.5

Query = Annotated[
    str | None, typer.Option("--query", "-q", help="Words of caption, tags, labels, text read.")
]
Tags = Annotated[list[str] | None, typer.Option("--tag", help="Repeatable; all must match.")]
Labels = Annotated[list[str] | None, typer.Option("--label", help="Repeatable; all must match.")]
Claim = Annotated[str | None, typer.Option("--claim", help="Claim id.")]
StatusOption = Annotated[
    str | None, typer.Option("--status", help="received, classified, rejected or failed.")
]
NeedsReview = Annotated[
    bool | None,
    typer.Option("--needs-review/--no-review-needed", help="Whether a label asks for a person's review."),
]
From = Annotated[str | None, typer.Option("--from", help="Received then or later: a date or a time.")]
To = Annotated[str | None, typer.Option("--to", help="Received before.")]
AsJson = Annotated[bool, typer.Option("--json", help="JSON for programs, a line a picture.")]


@contextmanager
def _client() -> Iterator[Client]:
    client = Client(CliSettings())
    try:
        yield client
    except CliError as error:
        errors.print(f"[red]{error}[/red]")
        raise typer.Exit(1) from error
    finally:
        client.close()


@app.command()
def upload(
    paths: Annotated[list[Path], typer.Argument(help="Pictures, or folders of them.")],
    claim: Claim = None,
    metadata: Annotated[
        list[str] | None, typer.Option("--metadata", "-m", help="KEY=VALUE, repeatable.")
    ] = None,
    workers: Annotated[int, typer.Option(min=1, max=32, help="Uploads at once.")] = 4,
) -> None:
    """Upload pictures; exit 1 if any was refused."""
    pairs = dict(entry.partition("=")[::2] for entry in metadata or [])
    with _client() as client, progress() as bar:
        found = list(files(paths))
        text = json.dumps(pairs) if pairs else None
        outcomes = upload_all(client, found, claim, text, workers, bar)
    table = Table()
    for heading in ("file", "outcome", "id"):
        table.add_column(heading, overflow="fold")
    for outcome in outcomes:
        table.add_row(str(outcome.path), outcome.text, outcome.image_id or "")
    console.print(table)
    refused = sum(outcome.image_id is None for outcome in outcomes)
    console.print(f"{len(outcomes) - refused} accepted, {refused} refused.")
    raise typer.Exit(1 if refused or not outcomes else 0)


@app.command()
def show(image_id: str) -> None:
    """Print one record as JSON."""
    with _client() as client:
        print_json(client.record(image_id))


@app.command()
def search(
    query: Query = None,
    tag: Tags = None,
    label: Labels = None,
    claim: Claim = None,
    status: StatusOption = None,
    needs_review: NeedsReview = None,
    from_: From = None,
    to: To = None,
    limit: Annotated[int, typer.Option(min=1)] = 20,
    as_json: AsJson = False,
) -> None:
    """Find pictures."""
    criteria = _criteria(query, tag, label, claim, status, needs_review, from_, to)
    with _client() as client:
        records = list(client.search(criteria, limit))
        if as_json:
            for record in records:
                print_json(record)
            return
        total = client.page(criteria, 1)["total"]
    console.print(records_table(records, f"{len(records)} of {total} pictures"))


@app.command()
def watch() -> None:
    """Print a line for every change of status, until Ctrl-C."""
    with _client() as client:
        for event, data in client.events():
            if event == "image":
                change = json.loads(data)
                console.print(change["status"] or "deleted", change["id"], change.get("claim_id") or "")
            elif event == "reset":
                errors.print("some changes were missed")


@app.command()
def replay(
    query: Query = None,
    tag: Tags = None,
    label: Labels = None,
    claim: Claim = None,
    status: StatusOption = None,
    needs_review: NeedsReview = None,
    from_: From = None,
    to: To = None,
    model_version: Annotated[
        str | None, typer.Option(help="Only pictures that this model version classified.")
    ] = None,
    rate: Annotated[float, typer.Option(min=0.01, help="Pictures a second.")] = 5.0,
    journal: Annotated[
        Path | None,
        typer.Option(help="Where ids that are done are kept until all are; by default one a selection."),
    ] = None,
    dry_run: Annotated[bool, typer.Option(help="Only say how many.")] = False,
) -> None:
    """Classify pictures again: after a failure, or with a newer model."""
    criteria = _criteria(query, tag, label, claim, status, needs_review, from_, to)
    with _client() as client:
        ids = [record["id"] for record in chosen(client.search(criteria), model_version)]
        if dry_run:
            console.print(f"{len(ids)} pictures would be classified again.")
            return
        notes = Journal(journal or journal_path(criteria, model_version)).load()
        before = len(notes.done & set(ids))
        with progress() as bar:
            refused = replay_all(client, ids, notes, rate, bar)
        if not refused:
            notes.discard()
    for image_id, why in refused:
        errors.print(f"{image_id}: {why}")
    again = len(ids) - before - len(refused)
    console.print(f"{again} asked for again, {before} done before, {len(refused)} refused.")
    raise typer.Exit(1 if refused else 0)


@app.command()
def export(
    folder: Annotated[Path, typer.Argument(help="Made if it is not there.")],
    query: Query = None,
    label: Labels = None,
    claim: Claim = None,
    from_: From = None,
    to: To = None,
) -> None:
    """Write the pictures that a person has reviewed, with their labels, as a training set."""
    criteria = _criteria(query, None, label, claim, None, None, from_, to)
    with _client() as client, progress() as bar:
        count = export_set(client, list(reviewed(client.search(criteria))), folder, bar)
    console.print(f"{count} reviewed pictures in {folder}")


@app.command()
def reindex() -> None:
    """Build the search index anew from blobs and records, and wait for it."""
    with _client() as client:
        client.rebuild_index()
        with errors.status("rebuilding …") as line:
            while (state := client.index_state())["rebuilding"]:
                line.update(f"rebuilding: {state['seen']} pictures")
                time.sleep(POLL_S)
        if state["error"]:
            raise CliError(f"the rebuild did not end: {state['error']}")
        console.print(f"The index holds {state['images']} pictures.")


def _criteria(
    query: str | None,
    tag: list[str] | None,
    label: list[str] | None,
    claim: str | None,
    status: str | None,
    needs_review: bool | None,
    from_: str | None,
    to: str | None,
) -> dict[str, object]:
    """What the query API calls them."""
    return {
        "q": query,
        "tag": tag,
        "label": label,
        "claim_id": claim,
        "status": status,
        "needs_review": needs_review,
        "from": from_,
        "to": to,
    }
