"""Drawing the pictures of drawn.yaml: the same ones at each run."""

import io
import random
from collections.abc import Sequence
from zlib import crc32

from PIL import Image, ImageDraw, ImageFilter, ImageFont

Colour = tuple[int, int, int]
_SIZE = 1200, 900


def draw(name: str, kind: str, lines: Sequence[str]) -> bytes:
    """A JPEG of 1200 by 900. ``kind``: page (paper on a table), plate (a number plate), sign, screen (of a game)."""
    chance = random.Random(crc32(name.encode()))
    picture = {"page": _page, "plate": _plate, "sign": _sign, "screen": _screen}[kind](lines, chance)
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=88)
    return file.getvalue()


def _page(lines: Sequence[str], chance: random.Random) -> Image.Image:
    table = _ground(chance, (96, 72, 52))
    white = chance.randrange(228, 250)
    paper = Image.new("RGBA", (860, 840), (white, white, white - chance.randrange(14), 255))
    pen = ImageDraw.Draw(paper)
    step = min(90, 760 // max(len(lines), 1))
    for i, line in enumerate(lines):
        pen.text((60, 50 + i * step), line, fill=(25, 25, 30), font=_font(min(40, step - 14), line, 760))
    turned = paper.rotate(chance.uniform(-3, 3), expand=True, resample=Image.Resampling.BICUBIC)
    table.paste(turned, (150 + chance.randrange(40), 10), turned)
    return table


def _plate(lines: Sequence[str], chance: random.Random) -> Image.Image:
    ground = _ground(chance, (70, 74, 80))
    yellow = chance.random() < 0.3
    width, height = (560, 290) if len(lines) > 1 else (860, 200)
    plate = Image.new("RGBA", (width, height), (246, 204, 40, 255) if yellow else (240, 241, 243, 255))
    pen = ImageDraw.Draw(plate)
    pen.rounded_rectangle((4, 4, width - 5, height - 5), 14, outline=(20, 20, 20), width=6)
    heights = [60, 150] if len(lines) > 1 else [150]
    top = 20
    for line, size in zip(lines, heights, strict=True):
        pen.text((width / 2, top + size / 2), line, (15, 15, 18), _font(size, line, width - 60), anchor="mm")
        top += size + 20
    turned = plate.rotate(chance.uniform(-4, 4), expand=True, resample=Image.Resampling.BICUBIC)
    ground.paste(turned, ((1200 - turned.width) // 2, 300 + chance.randrange(120)), turned)
    return ground.filter(ImageFilter.GaussianBlur(chance.uniform(0.4, 1.6)))


def _sign(lines: Sequence[str], chance: random.Random) -> Image.Image:
    ground = _ground(chance, (150, 160, 168))
    fill = chance.choice([(245, 245, 240), (30, 90, 160), (20, 110, 60), (240, 200, 60)])
    ink = (20, 20, 20) if sum(fill) > 380 else (250, 250, 250)
    pen = ImageDraw.Draw(ground)
    pen.rounded_rectangle((180, 180, 1020, 720), 20, fill=fill, outline=ink, width=6)
    step = 480 / max(len(lines), 1)
    for i, line in enumerate(lines):
        pen.text(
            (600, 210 + step * (i + 0.5)), line, ink, _font(min(130, step * 0.7), line, 760), anchor="mm"
        )
    return ground


def _screen(lines: Sequence[str], chance: random.Random) -> Image.Image:
    """A sky, hills, blocks, and text in a bright colour with a shadow."""
    sky = [chance.randrange(20, 120) for _ in range(3)]
    picture = Image.new("RGB", _SIZE, (sky[0], sky[1], sky[2] + 60))
    pen = ImageDraw.Draw(picture)
    for _ in range(7):
        x, height = chance.randrange(-100, 1200), chance.randrange(120, 380)
        green = chance.randrange(60, 150)
        pen.polygon([(x, 900), (x + 220, 900 - height), (x + 460, 900)], fill=(30, green, 50))
    for _ in range(12):
        x, y, side = chance.randrange(1200), chance.randrange(500, 900), chance.randrange(30, 90)
        pen.rectangle((x, y, x + side, y + side), fill=_bright(chance), outline=(10, 10, 10))
    step = min(120, 640 // max(len(lines), 1))
    for i, line in enumerate(lines):
        font = _font(min(72, step * 0.65), line, 1050)
        pen.text((83, 73 + i * step), line, (0, 0, 0), font)
        pen.text((80, 70 + i * step), line, (250, 240, 200), font)
    return picture


def _ground(chance: random.Random, colour: Colour) -> Image.Image:
    """Uneven, as surfaces in photos are."""
    noise = Image.frombytes("L", (48, 36), chance.randbytes(48 * 36)).resize(_SIZE, Image.Resampling.BICUBIC)
    dark, light = (tuple(int(value * f) for value in colour) for f in (0.75, 1.2))
    return Image.composite(Image.new("RGB", _SIZE, light), Image.new("RGB", _SIZE, dark), noise)


def _bright(chance: random.Random) -> Colour:
    return chance.randrange(120, 256), chance.randrange(60, 220), chance.randrange(60, 256)


def _font(size: float, line: str, width: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Pillow's own font, small enough for the line."""
    font = ImageFont.load_default(size)
    return (
        font if font.getlength(line) <= width else ImageFont.load_default(size * width / font.getlength(line))
    )
