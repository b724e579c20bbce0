"""The image formats that are taken, told by their bytes; and whether a file of one is all there.

They are those that Azure AI Vision reads, and HEIC, which is converted for it.

Sources: the formats' own specifications; Vision's limits in its documentation.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Format:
    """``names`` are Pillow's names of it; ``extension`` is that of the blob."""

    names: tuple[str, ...]
    content_type: str
    extension: str


# An MPO is a JPEG with more pictures behind the first; nothing knows `image/mpo`, and all can read the JPEG.
JPEG: Final = Format(("JPEG", "MPO"), "image/jpeg", "jpg")
PNG: Final = Format(("PNG",), "image/png", "png")
GIF: Final = Format(("GIF",), "image/gif", "gif")
BMP: Final = Format(("BMP",), "image/bmp", "bmp")
WEBP: Final = Format(("WEBP",), "image/webp", "webp")
ICO: Final = Format(("ICO",), "image/x-icon", "ico")
TIFF: Final = Format(("TIFF",), "image/tiff", "tiff")
HEIF: Final = Format(("HEIF",), "image/heic", "heic")
FORMATS: Final = (JPEG, PNG, GIF, BMP, WEBP, ICO, TIFF, HEIF)

HEIC_BRANDS: Final = frozenset({b"heic", b"heix", b"heim", b"heis"})

BMP_HEADER_SIZES: Final = frozenset({12, 40, 52, 56, 64, 108, 124})
PNG_END: Final = b"IEND\xaeB`\x82"


def sniff(content: bytes) -> Format | None:
    """The format that the first bytes say; None if it is none of FORMATS."""
    match content[:4]:
        case head if head.startswith(b"\xff\xd8\xff"):
            return JPEG
        case b"\x89PNG" if content[4:8] == b"\r\n\x1a\n":
            return PNG
        case b"GIF8" if content[4:6] in (b"7a", b"9a"):
            return GIF
        case b"RIFF" if content[8:12] == b"WEBP":
            return WEBP
        case b"II*\0" | b"MM\0*":
            return TIFF
        case b"\0\0\1\0" if len(content) >= 22 and content[4:6] != b"\0\0":
            return ICO
        case _ if content[4:8] == b"ftyp" and _is_heic(content):
            return HEIF
        # Two letters begin many a text: the size of the header behind them must be one that there is.
        case head if head[:2] == b"BM" and int.from_bytes(content[14:18], "little") in BMP_HEADER_SIZES:
            return BMP
    return None


def _is_heic(content: bytes) -> bool:
    """By ISO/IEC 23008-12: still pictures coded in HEVC. AVIF has the same container, and other brands."""
    end = min(int.from_bytes(content[:4]), 256)
    brands = {content[8:12], *(content[start : start + 4] for start in range(16, end, 4))}
    return content[8:12] in HEIC_BRANDS or (content[8:12] == b"mif1" and not brands.isdisjoint(HEIC_BRANDS))


def is_complete(content: bytes, kind: Format) -> bool:
    """False if the file's end is missing in a way that decoding its first picture does not show."""
    if kind is PNG:
        return PNG_END in content
    try:
        if kind is GIF:
            return all(gif_pictures(content))
        if kind is ICO:
            return _icons_fit(content)
    except (IndexError, ValueError, struct.error):
        return False
    return True


def gif_pictures(content: bytes) -> Iterator[int]:
    """Walk the blocks to the trailer; yields where each picture begins. What follows the trailer is not the file's.

    Raises IndexError at the file's end, ValueError where there is no block.
    """
    position = 13 + _colour_table_size(content[10])
    while (block := content[position]) != 0x3B:
        if block == 0x2C:
            yield position
            position += 11 + _colour_table_size(content[position + 9])
        elif block == 0x21:
            position += 2
        else:
            raise ValueError(f"no block begins at {position}")
        while size := content[position]:
            position += 1 + size
        position += 1


def _colour_table_size(flags: int) -> int:
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _icons_fit(content: bytes) -> bool:
    count = int.from_bytes(content[4:6], "little")
    entries = (struct.unpack_from("<II", content, 6 + 16 * number + 8) for number in range(count))
    return all(offset + size <= len(content) for size, offset in entries)
