"""The inspector: Pillow, in threads, with a bound on the memory that decoding takes."""

import asyncio
import hashlib
import io
import warnings
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Final

from PIL import ExifTags, Image, ImageFile

from services.contracts.records import now
from services.ingest import domain
from services.ingest.about import About, about
from services.ingest.adapters import heif
from services.ingest.adapters.grey import grey
from services.ingest.errors import NotAnImage, UnusableImage
from services.ingest.formats import FORMATS, HEIF, ICO, JPEG, TIFF, Format, is_complete, sniff
from services.ingest.limits import Budget
from services.ingest.parts import frame_count, work_fault
from services.ingest.phash import phash
from services.ingest.ports import Inspected
from services.platform.errors import Unavailable

JPEG_DRAFT_SCALES: Final = (8, 4, 2, 1)
LEAST_DRAFT: Final = 64
"""Pixels a side that a small JPEG is decoded to at least; its hash is made of them."""

MAX_EXIF_BYTES: Final = 1_048_576
READABLE: Final = ", ".join(kind.content_type.partition("/")[2].upper() for kind in FORMATS)


@dataclass(frozen=True)
class _Seen:
    width: int
    height: int
    frames: int
    phash: str | None
    about: About
    converted: bytes | None


class PillowInspector:
    """Decodes the picture that Vision looks at, the first of the file. ``most_bytes``: of a converted picture."""

    def __init__(
        self, *, threads: int, budget_pixels: int, timeout_s: float, keep_gps: bool, most_bytes: int
    ) -> None:
        # Pillow refuses twice as many, which is our limit: an icon may hide a larger picture than it declares.
        Image.MAX_IMAGE_PIXELS = domain.MAX_SIDE**2 // 2
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        # What Pillow thinks of damaged metadata would fill the log.
        warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")
        heif.register()
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="decode")
        self._budget = Budget(budget_pixels)
        self._timeout_s = timeout_s
        self._keep_gps = keep_gps
        self._most_bytes = most_bytes

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def inspect(self, content: bytes) -> Inspected:
        kind = sniff(content)
        if kind is None:
            raise NotAnImage(f"The bytes are none of {READABLE}.")
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._timeout_s), AsyncExitStack() as held:
                if kind is ICO:
                    # Decoded as it is opened, and its directory does not say how large the picture is.
                    await held.enter_async_context(self._budget.taken(self._budget.size))
                image, sha256 = await loop.run_in_executor(self._threads, _open, content, kind)
                if kind is not ICO:
                    await held.enter_async_context(self._budget.taken(_cost(image)))
                seen = await loop.run_in_executor(self._threads, self._decode, image, content, kind)
        except TimeoutError as error:
            raise Unavailable("Too many pictures are being decoded now.", code="busy") from error
        return Inspected(
            format=kind,
            sha256=sha256,
            width=seen.width,
            height=seen.height,
            frames=seen.frames,
            phash=seen.phash,
            about=seen.about,
            converted=seen.converted,
        )

    def _decode(self, image: ImageFile.ImageFile, content: bytes, kind: Format) -> _Seen:
        """Raises UnusableImage if the picture does not decode to its end."""
        declared = image.size
        try:
            orientation = _orientation(image)
            said = self._about(image)
            if kind is JPEG:
                # All of the file is still read, but a part of each side computed: less than half of the time.
                image.draft("L", _draft(declared))
            image.load()
            if not is_complete(content, kind):
                raise UnusableImage("The file ends before the picture does.", code=UnusableImage.TRUNCATED)
            if kind in (TIFF, HEIF):
                # Pillow turns a TIFF upright by itself, from its header on, and libheif what it decodes.
                declared, orientation = image.size, 1
            size = domain.upright(*declared, orientation)
            if kind is HEIF:
                _check_size(*size)
            return _Seen(
                *size,
                frames=frame_count(content, kind) or int(getattr(image, "n_frames", 1)),
                phash=phash(grey(image, orientation)),
                about=said,
                converted=heif.as_jpeg(image, self._most_bytes) if kind is HEIF else None,
            )
        except UnusableImage:
            raise
        except MemoryError as error:
            raise Unavailable("There is no memory for a picture of this size now.", code="busy") from error
        except Exception as error:
            raise _fault(error) from error

    def _about(self, image: Image.Image) -> About:
        if _exif_bytes(image) > MAX_EXIF_BYTES:
            return About()
        try:
            exif = image.getexif()
            parts = (exif.get_ifd(ExifTags.IFD.Exif), exif.get_ifd(ExifTags.IFD.GPSInfo))
            return about(exif, *parts, now=now(), keep_gps=self._keep_gps)
        except Exception:  # noqa: BLE001 - what a camera wrote there does not make the picture unusable
            return About()


def _open(content: bytes, kind: Format) -> tuple[ImageFile.ImageFile, str]:
    """Read the header, and hash."""
    if fault := work_fault(content, kind):
        raise UnusableImage(fault, code=UnusableImage.UNDECODABLE)
    try:
        image = Image.open(io.BytesIO(content), formats=kind.names)
    except Exception as error:
        raise _fault(error) from error
    _check_size(*image.size)
    return image, hashlib.sha256(content).hexdigest()


def _orientation(image: Image.Image) -> int:
    """1 to 8; 1 for what is none."""
    if _exif_bytes(image) > MAX_EXIF_BYTES:
        return 1
    try:
        value = image.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception:  # noqa: BLE001 - what a camera wrote there does not make the picture unusable
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _exif_bytes(image: Image.Image) -> int:
    return len(image.info.get("exif") or b"")


def _draft(size: tuple[int, int]) -> tuple[int, int]:
    """An eighth of each side, or what a hash needs."""
    width, height = (max(LEAST_DRAFT, side // JPEG_DRAFT_SCALES[0]) for side in size)
    return width, height


def _cost(image: ImageFile.ImageFile) -> int:
    """Pixels that decoding will hold."""
    width, height = image.size
    if image.format in ("JPEG", "MPO") and not image.info.get("progressive"):
        wanted = _draft(image.size)
        times = min(width // wanted[0], height // wanted[1])
        scale = next((scale for scale in JPEG_DRAFT_SCALES if times >= scale), 1)
        return width * height // scale**2
    # What is converted is held twice.
    return width * height * (2 if image.format == "HEIF" else 1)


def _check_size(width: int, height: int) -> None:
    if fault := domain.size_fault(width, height):
        raise UnusableImage(fault, code=UnusableImage.DIMENSIONS)


def _fault(error: Exception) -> UnusableImage:
    """What Pillow's error says of the picture: it raises whatever its plugins happen to."""
    if isinstance(error, Image.DecompressionBombError):
        limits = f"each side must have {domain.MIN_SIDE} to {domain.MAX_SIDE} pixels"
        return UnusableImage(f"The picture is too large: {limits}.", code=UnusableImage.DIMENSIONS)
    if "truncated" in str(error).lower():
        return UnusableImage("The file ends before the picture does.", code=UnusableImage.TRUNCATED)
    if "Decompressed data too large" in str(error):
        return UnusableImage(
            "Compressed metadata of the file grows beyond what any has.", code=UnusableImage.UNDECODABLE
        )
    return UnusableImage(
        "The picture cannot be decoded; the file is damaged.", code=UnusableImage.UNDECODABLE
    )
