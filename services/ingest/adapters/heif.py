"""HEIC, which Vision does not read, as JPEG. libheif through pillow-heif."""

import io
from typing import Final

import pillow_heif
from PIL import Image, ImageCms

from services.ingest.errors import UnusableImage

QUALITIES: Final = (92, 80, 60, 30)
"""The first that makes a file small enough."""

MAX_PROFILE_BYTES: Final = 1_048_576


def register() -> None:
    """Make Pillow know the format."""
    pillow_heif.register_heif_opener(thumbnails=False)


def as_jpeg(image: Image.Image, most_bytes: int) -> bytes:
    """The decoded picture, upright, without the original's metadata. Raises UnusableImage if it cannot be so small.

    The colour profile goes along: iPhones' colours are not sRGB.
    """
    profile = _profile(image)
    if image.has_transparency_data:
        seen = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", seen.size, "white"), seen)
    if image.mode.startswith("I;16"):
        # Converting alone would cut bright values off.
        image = image.point(lambda value: value * (1 / 256)).convert("L")
    plain = image.convert("RGB")
    for quality in QUALITIES:
        file = io.BytesIO()
        plain.save(file, "JPEG", quality=quality, icc_profile=profile, exif=b"")
        if file.tell() <= most_bytes:
            return file.getvalue()
    raise UnusableImage(
        f"The picture is too large: as a JPEG it has more than {most_bytes} bytes.",
        code=UnusableImage.DIMENSIONS,
    )


def _profile(image: Image.Image) -> bytes | None:
    profile = image.info.get("icc_profile")
    if not isinstance(profile, bytes) or not 0 < len(profile) <= MAX_PROFILE_BYTES:
        return None
    try:
        ImageCms.ImageCmsProfile(io.BytesIO(profile))
    except (OSError, ValueError, ImageCms.PyCMSError):
        return None
    return profile
