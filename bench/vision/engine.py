"""The engine of the Vision emulator in this process."""

import gc
import io
import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Final

import psutil
from PIL import Image, ImageDraw, ImageFont

from emulators.vision.engine.analyzer import Engine
from emulators.vision.engine.classifier import OnnxClassifier
from emulators.vision.engine.models import read_spec
from emulators.vision.engine.types import Feature, Options
from tools.setup.locations import samples_dir
from tools.setup_model.location import default_model_home

SIZE: Final = (1200, 900)
PHOTO: Final = "motorcycle_left.png"
WARM_UP: Final = 5

TAGS: Final = frozenset({Feature.TAGS})
SEEN: Final = frozenset({Feature.TAGS, Feature.CAPTION, Feature.OBJECTS, Feature.PEOPLE})
ALL: Final = SEEN | {Feature.READ}


@dataclass(frozen=True)
class Look:
    """Milliseconds, one of each for a round; ``parts`` are of the time that passed."""

    what: str
    cpu: list[float]
    passed: list[float]
    parts: dict[str, list[float]]

    @property
    def cpu_ms(self) -> float:
        return median(self.cpu)


@dataclass(frozen=True)
class Measured:
    """``memory_mb``: what the process has grown by, libraries aside."""

    looks: list[Look]
    loading_s: float
    memory_mb: dict[str, float]


def photo() -> bytes:
    """A sample photo at SIZE, as a JPEG. Raises FileNotFoundError before the set-up."""
    with Image.open(samples_dir() / PHOTO) as picture:
        return _jpeg(picture.convert("RGB").resize(SIZE, Image.Resampling.LANCZOS))


def page() -> bytes:
    """Twelve lines of print at the same size."""
    picture = Image.new("RGB", SIZE, "white")
    draw = ImageDraw.Draw(picture)
    for number in range(12):
        text = f"{number + 1}. Claim C-{1042 + number}: rear bumper, left lamp, EUR {310 + 17 * number}.50"
        draw.text((60, 50 + 68 * number), text, "black", ImageFont.load_default(34))
    return _jpeg(picture)


def _jpeg(picture: Image.Image) -> bytes:
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=90)
    return file.getvalue()


def measure(rounds: int, note: Callable[[str], None]) -> Measured:
    """Tags ``rounds`` times, the slower ones less often. Raises FileNotFoundError before the set-up."""
    process = psutil.Process()
    a_photo, a_page = photo(), page()
    before, began = process.memory_info().rss, time.perf_counter()
    engine = Engine(OnnxClassifier(read_spec(default_model_home())))
    engine.analyze(a_photo, TAGS, Options())
    loading_s = time.perf_counter() - began
    memory = {"without text": (process.memory_info().rss - before) / 1e6}
    looks = []
    for what, content, wanted, share in (
        ("tags", a_photo, TAGS, 1.0),
        ("tags, caption, objects, people", a_photo, SEEN, 0.5),
        ("those and text, a photo", a_photo, ALL, 0.2),
        ("those and text, a page of 12 lines", a_page, ALL, 0.1),
    ):
        note(what)
        looks.append(_look(what, engine, content, wanted, max(3, int(rounds * share))))
    memory["with text, after all of it"] = (process.memory_info().rss - before) / 1e6
    return Measured(looks, loading_s, memory)


def _look(what: str, engine: Engine, content: bytes, wanted: frozenset[Feature], rounds: int) -> Look:
    for _ in range(min(WARM_UP, rounds)):
        engine.analyze(content, wanted, Options())
    look = Look(what, [], [], {})
    gc.collect()
    for _ in range(rounds):
        cpu, passed = time.process_time(), time.perf_counter()
        analysis = engine.analyze(content, wanted, Options())
        look.cpu.append((time.process_time() - cpu) * 1000)
        look.passed.append((time.perf_counter() - passed) * 1000)
        for part, spent_ms in analysis.timings_ms.items():
            look.parts.setdefault(part, []).append(spent_ms)
    return look
