"""`claimlens upload`: files and folders, several at once, one outcome a file."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from rich.progress import Progress

from cli.client import Client
from cli.errors import CliError, Refused

# What a folder is searched for; a file that is named is uploaded whatever its ending.
ENDINGS = frozenset(
    f".{ending}"
    for ending in ("jpg", "jpeg", "png", "gif", "bmp", "webp", "ico", "tif", "tiff", "mpo", "heic", "heif")
)


@dataclass(frozen=True)
class Outcome:
    """``image_id`` is None for a refused file, and ``text`` says why then."""

    path: Path
    image_id: str | None
    text: str


def files(paths: list[Path]) -> Iterator[Path]:
    """The files to upload. Raises CliError for a path that is not there."""
    for path in paths:
        if path.is_dir():
            yield from sorted(file for file in path.rglob("*") if file.suffix.lower() in ENDINGS)
        elif path.exists():
            yield path
        else:
            raise CliError(f"{path}: no such file or folder")


def upload_all(
    client: Client,
    paths: list[Path],
    claim_id: str | None,
    metadata: str | None,
    workers: int,
    bar: Progress,
) -> list[Outcome]:
    """Upload all; outcomes in the order of the paths. Raises Unreachable at once."""
    task = bar.add_task("uploading", total=len(paths))
    outcomes: dict[Path, Outcome] = {}
    with ThreadPoolExecutor(workers) as pool:
        work = {pool.submit(_upload, client, path, claim_id, metadata): path for path in paths}
        try:
            for done in as_completed(work):
                outcomes[work[done]] = done.result()
                bar.advance(task)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return [outcomes[path] for path in paths]


def _upload(client: Client, path: Path, claim_id: str | None, metadata: str | None) -> Outcome:
    try:
        answer = client.upload(path.name, path.read_bytes(), claim_id, metadata)
    except Refused as error:
        return Outcome(path, None, f"refused ({error.code}): {error}")
    except OSError as error:
        return Outcome(path, None, f"cannot be read: {error.strerror}")
    return Outcome(path, answer["id"], "already known" if answer["already_known"] else "received")
