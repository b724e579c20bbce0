"""The inspector: Pillow, in threads, with a bound on the memory that decoding takes."""

import asyncio
import hashlib
import io
import warnings
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from typing import Final

from PIL import ExifTags, Image, ImageFile

from services.ingest import domain
from services.ingest.errors import NotAnImage, UnusableImage
from services.ingest.formats import FORMATS, ICO, Format, is_complete, sniff
from services.ingest.limits import Budget
from services.ingest.ports import Inspected
from services.platform.errors import Unavailable

JPEG_DRAFT_SCALE: Final = 8
READABLE: Final = ", ".join(kind.content_type.partition("/")[2].upper() for kind in FORMATS)


class PillowInspector:
    """Decodes the picture that Vision looks at, the first of the file."""

    def __init__(self, *, threads: int, budget_pixels: int, timeout_s: float) -> None:
        # Pillow refuses twice as many, which is our limit: an icon may hide a larger picture than it declares.
        Image.MAX_IMAGE_PIXELS = domain.MAX_SIDE**2 // 2
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="decode")
        self._budget = Budget(budget_pixels)
        self._timeout_s = timeout_s

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
                width, height = await loop.run_in_executor(self._threads, _decode, image, content, kind)
        except TimeoutError as error:
            raise Unavailable("Too many pictures are being decoded now.", code="busy") from error
        return Inspected(kind, sha256, width, height)


def _open(content: bytes, kind: Format) -> tuple[ImageFile.ImageFile, str]:
    """Read the header, and hash."""
    try:
        image = Image.open(io.BytesIO(content), formats=kind.names)
    except Exception as error:
        raise _fault(error) from error
    _check_size(*image.size)
    return image, hashlib.sha256(content).hexdigest()


def _decode(image: ImageFile.ImageFile, content: bytes, kind: Format) -> tuple[int, int]:
    """Width and height of the upright picture; raises UnusableImage if it does not decode to its end."""
    declared = image.size
    try:
        orientation = _orientation(image)
        if kind.names[0] == "JPEG":
            # All of the file is still read, but an eighth of each side computed: less than half of the time.
            image.draft("L", (declared[0] // JPEG_DRAFT_SCALE, declared[1] // JPEG_DRAFT_SCALE))
            image.load()
            return domain.upright(*declared, orientation)
        image.load()
    except MemoryError as error:
        raise Unavailable("There is no memory for a picture of this size now.", code="busy") from error
    except Exception as error:
        raise _fault(error) from error
    if not is_complete(content, kind):
        raise UnusableImage("The file ends before the picture does.", code=UnusableImage.TRUNCATED)
    # Pillow turns a TIFF upright by itself, from its header on.
    return image.size if kind.names[0] == "TIFF" else domain.upright(*image.size, orientation)


def _orientation(image: Image.Image) -> int:
    try:
        value = image.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception:  # noqa: BLE001 - what a camera wrote there does not make the picture unusable
        return 1
    return value if isinstance(value, int) else 1


def _cost(image: ImageFile.ImageFile) -> int:
    """Pixels that decoding will hold."""
    width, height = image.size
    if image.format in ("JPEG", "MPO") and not image.info.get("progressive"):
        return width * height // JPEG_DRAFT_SCALE**2
    return width * height


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
    return UnusableImage(
        "The picture cannot be decoded; the file is damaged.", code=UnusableImage.UNDECODABLE
    )
