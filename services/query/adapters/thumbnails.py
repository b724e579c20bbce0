"""Thumbnails: made with Pillow in a thread, kept as files of the data directory."""

import asyncio
import io
import os
import tempfile
from pathlib import Path
from typing import Final

from PIL import Image, ImageOps

from services.contracts.records import ImageRecord
from services.query.errors import NoThumbnail
from services.query.ports import Blobs

QUALITY: Final = 78
PARALLEL: Final = 2
SWEEP_EVERY: Final = 200

# Pillow's own limit warns and then raises; ours is checked before anything is decoded.
Image.MAX_IMAGE_PIXELS = None


class PillowThumbnails:
    """``pixels``: longest side. Pictures of more than ``source_pixels`` are refused, so that memory is bounded.

    ``cache_bytes``: what the files may take together; the ones longest unused go first.
    """

    def __init__(
        self, blobs: Blobs, directory: Path, *, pixels: int, source_pixels: int, cache_bytes: int
    ) -> None:
        self._blobs = blobs
        self._directory = directory
        self._pixels = pixels
        self._source_pixels = source_pixels
        self._cache_bytes = cache_bytes
        self._slots = asyncio.Semaphore(PARALLEL)
        self._making: dict[Path, asyncio.Task[bytes | None]] = {}
        self._made = 0

    async def get(self, record: ImageRecord) -> bytes | None:
        path = self._path(record)
        if kept := await asyncio.to_thread(_read, path):
            return kept
        # Requests for the same picture wait for one making of it, which no caller's leaving cancels.
        task = self._making.get(path)
        if task is None:
            task = self._making[path] = asyncio.create_task(self._make(record, path))
            task.add_done_callback(lambda _: self._making.pop(path, None))
        return await asyncio.shield(task)

    async def forget(self, image_id: str) -> None:
        await asyncio.to_thread(_remove_all, self._directory / image_id[:2], f"{image_id}-*")

    def _path(self, record: ImageRecord) -> Path:
        version = "".join(filter(str.isalnum, record.image.etag or "")) or record.image.sha256[:16]
        return self._directory / record.id[:2] / f"{record.id}-{version}-{self._pixels}.webp"

    async def _make(self, record: ImageRecord, path: Path) -> bytes | None:
        async with self._slots:
            content = await self._blobs.get(record.image.blob)
            if content is None:
                return None
            small = await asyncio.to_thread(shrink, content, self._pixels, self._source_pixels)
            await asyncio.to_thread(_write, path, small)
            self._made += 1
            if self._made % SWEEP_EVERY == 0:
                await asyncio.to_thread(_sweep, self._directory, self._cache_bytes)
            return small


def shrink(content: bytes, pixels: int, source_pixels: int) -> bytes:
    """WebP, upright, the longest side at most ``pixels``, without the source's metadata. Raises NoThumbnail."""
    try:
        picture = Image.open(io.BytesIO(content))
        # JPEG can be decoded at a half, a quarter or an eighth.
        picture.draft("RGB", (pixels * 2, pixels * 2))
        if picture.width * picture.height > source_pixels:
            raise NoThumbnail(
                f"{picture.width} by {picture.height} pixels are too many to make a thumbnail of"
            )
        small = _resizable(picture)
        small.thumbnail((pixels, pixels), Image.Resampling.LANCZOS, reducing_gap=2.0)
        upright = ImageOps.exif_transpose(small)
        out = io.BytesIO()
        mode = "RGBA" if upright.mode in ("RGBA", "LA") else "RGB"
        upright.convert(mode).save(out, "WEBP", quality=QUALITY, method=4, exif=b"")
    except (OSError, ValueError, SyntaxError) as error:
        raise NoThumbnail(f"the picture cannot be decoded: {error}") from error
    return out.getvalue()


def _resizable(picture: Image.Image) -> Image.Image:
    if picture.mode == "I" or picture.mode.startswith("I;16"):
        # Pillow's convert clips 16 bits to 8 instead of scaling them.
        return picture.point(lambda value: value * (1 / 256)).convert("L")
    if picture.mode == "PA" or "transparency" in picture.info:
        return picture.convert("RGBA")
    return picture.convert("RGB") if picture.mode in ("P", "1") else picture


def _read(path: Path) -> bytes | None:
    try:
        content = path.read_bytes()
        os.utime(path)
    except FileNotFoundError:
        return None
    return content


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, suffix=".part")
    with os.fdopen(handle, "wb") as file:
        file.write(content)
    Path(name).replace(path)


def _remove_all(directory: Path, pattern: str) -> None:
    for path in directory.glob(pattern):
        path.unlink(missing_ok=True)


def _sweep(directory: Path, limit: int) -> None:
    kept = sorted(
        (
            (stat.st_mtime, stat.st_size, path)
            for path in directory.glob("*/*.webp")
            for stat in [path.stat()]
        ),
        reverse=True,
    )
    total = 0
    for _, size, path in kept:
        total += size
        if total > limit:
            path.unlink(missing_ok=True)
