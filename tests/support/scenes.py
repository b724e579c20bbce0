"""Pictures for end-to-end tests: scenes with different bytes, the largest and the smallest that are taken."""

import io
import random

from PIL import Image, ImageDraw


def png(width: int = 320, height: int = 240, *, seed: int = 0, text: str = "") -> bytes:
    """A small scene whose colours come from ``seed``: two seeds give different bytes."""
    chance = random.Random(seed)
    picture = Image.new("RGB", (width, height), _colour(chance))
    draw = ImageDraw.Draw(picture)
    for _ in range(4):
        x, y = chance.randrange(width), chance.randrange(height)
        draw.ellipse((x - 40, y - 40, x + 40, y + 40), fill=_colour(chance))
    if text:
        draw.text((10, 10), text, fill="black", font_size=36)
    return _bytes(picture, "PNG")


def jpeg_of_size(at_least: int, width: int = 4000, height: int = 3000) -> bytes:
    """A JPEG of noise, grown with a trailing comment segment to ``at_least`` bytes."""
    noise = random.Random(7).randbytes(width * height * 3 // 4)
    picture = Image.frombytes("L", (width // 2, height // 2), noise[: width * height // 4]).resize(
        (width, height)
    )
    content = _bytes(picture.convert("RGB"), "JPEG", quality=90)
    missing = at_least - len(content)
    comments = b""
    while missing > 0:
        size = min(missing, 60_000)
        comments += b"\xff\xfe" + (size + 2).to_bytes(2, "big") + b"\x00" * size
        missing -= size + 4
    return content[:2] + comments + content[2:]


def tiny_png() -> bytes:
    """50 by 50 pixels of one colour, about 200 bytes: the smallest that Vision takes."""
    return _bytes(Image.new("RGB", (50, 50), (200, 30, 30)), "PNG")


def _colour(chance: random.Random) -> tuple[int, int, int]:
    return chance.randrange(256), chance.randrange(256), chance.randrange(256)


def _bytes(picture: Image.Image, format_: str, **options: int) -> bytes:
    out = io.BytesIO()
    picture.save(out, format_, **options)
    return out.getvalue()
