"""One suite for every ImageAnalyzer: the unit tests' fake, and the Vision emulator through the vendor's client."""

import asyncio
import functools
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from typing import Any

import httpx
import pytest
from azure.core.credentials import AzureKeyCredential
from PIL import Image, ImageDraw
from pydantic import SecretStr

from services.classifier.adapters.engine_custom_vision import CustomVision, Options
from services.classifier.adapters.pool import Account, AnalyzerPool
from services.classifier.adapters.vision_azure import AzureVision
from services.classifier.errors import (
    AnalyzerBusy,
    AnalyzerRefused,
    AnalyzerUnavailable,
    ImageRejected,
    PictureUnreadable,
)
from services.classifier.gates import Gate
from services.classifier.ports import ImageAnalyzer, ImageBytes, ImageInput, ImageUrl, Picture
from tests.support.fakes.vision import FakeAnalyzer
from tests.support.vision_process import VisionProcess, vision_process

FEATURES = ("tags", "caption", "objects", "people", "read", "smartCrops")
SIZE = (320, 240)

pytestmark = pytest.mark.integration


def picture(width: int, height: int) -> bytes:
    """A PNG of a coloured disc on grey, and a number plate where there is room."""
    canvas = Image.new("RGB", (width, height), (200, 200, 190))
    draw = ImageDraw.Draw(canvas)
    draw.ellipse((0, 0, width // 2, height // 2), fill=(200, 30, 30))
    draw.text((width // 3, height // 2), "ABC 123", fill="black", font_size=40)
    out = BytesIO()
    canvas.save(out, "PNG")
    return out.getvalue()


@dataclass
class Subject:
    """An analyzer, and how its world is brought into the states that the contract speaks of."""

    analyzer: ImageAnalyzer
    picture: Picture
    too_small: Picture
    no_picture: Picture
    calls: Callable[[], int]
    fail_next: Callable[[str], None]
    codes: tuple[str, str] = ("InvalidImageSize", "InvalidImageFormat")


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VisionProcess]:
    with vision_process(log=tmp_path_factory.mktemp("vision") / "vision.log") as running:
        yield running


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Pictures behind links, as blobs are."""
    path = tmp_path_factory.mktemp("blobs")
    (path / "picture.png").write_bytes(picture(*SIZE))
    (path / "small.png").write_bytes(picture(49, 60))
    (path / "text.png").write_text("no picture")
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Silent, directory=str(path)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join(5)


class Silent(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None: ...


FAULTS: dict[str, dict[str, Any]] = {
    "too many": {"status": 429, "retry_after": 3},
    "server error": {"status": 500},
    "garbage": {"garbage": True},
    "slow": {"hang": True},
    "refused": {"status": 401},
}


def given(good: ImageInput, small: ImageInput, text: ImageInput) -> tuple[Picture, Picture, Picture]:
    return Picture(good, *SIZE), Picture(small, 49, 60), Picture(text, 1, 1)


def fake() -> Subject:
    analyzer = FakeAnalyzer()
    errors = {
        "too many": AnalyzerBusy("429", retry_after_s=3),
        "server error": AnalyzerUnavailable("500"),
        "garbage": AnalyzerUnavailable("garbage"),
        "slow": AnalyzerUnavailable("slow"),
        "refused": AnalyzerRefused("401"),
    }
    return Subject(
        analyzer,
        *given(ImageBytes(picture(*SIZE)), ImageBytes(picture(49, 60)), ImageBytes(b"no picture")),
        lambda: analyzer.calls,
        lambda fault: analyzer.will_raise(errors[fault]),
    )


def azure(emulator: VisionProcess, folder: str | None, **options: Any) -> Subject:
    vision = AzureVision(
        emulator.url,
        AzureKeyCredential(emulator.key),
        **{"features": FEATURES, "timeout_s": 20, **options},
    )

    def fail_next(fault: str) -> None:
        if fault == "slow":
            vision._timeout_s = 0.5
        emulator.faults(FAULTS[fault])

    return Subject(vision, *given(*inputs(folder)), emulator.call_count, fail_next)


def custom(emulator: VisionProcess, folder: str | None, http: httpx.AsyncClient) -> Subject:
    options = Options(
        endpoint=emulator.url,
        key=SecretStr(emulator.key),
        project="7c1ad2f0-7f5e-4a35-9a55-0d4e5c1f9a11",
        published_name="claims",
        min_probability=0,
    )
    engine = CustomVision(options, http)

    def fail_next(fault: str) -> None:
        if fault == "slow":
            engine._calls._timeout_s = 0.5
        emulator.faults(FAULTS[fault])

    codes = ("BadRequestImageDimensions", "BadRequestImageFormat")
    return Subject(engine, *given(*inputs(folder)), emulator.call_count, fail_next, codes)


def inputs(folder: str | None) -> tuple[ImageInput, ImageInput, ImageInput]:
    """The good, the small and the unreadable: links if they are behind links."""
    if folder:
        return tuple(ImageUrl(f"{folder}/{name}.png") for name in ("picture", "small", "text"))  # type: ignore[return-value]
    return ImageBytes(picture(*SIZE)), ImageBytes(picture(49, 60)), ImageBytes(b"no picture")


@pytest.fixture(params=["fake", "vision-link", "vision-bytes", "custom-link", "custom-bytes"])
async def subject(
    request: pytest.FixtureRequest, emulator: VisionProcess, folder: str
) -> AsyncIterator[Subject]:
    engine, _, way = request.param.partition("-")
    where = folder if way == "link" else None
    emulator.clear_faults()
    emulator.forget_calls()
    async with httpx.AsyncClient() as http:
        match engine:
            case "vision":
                subject = azure(emulator, where)
            case "custom":
                subject = custom(emulator, where, http)
            case _:
                subject = fake()
        yield subject
        emulator.clear_faults()
        if isinstance(subject.analyzer, AzureVision):
            await subject.analyzer.close()


async def test_a_picture_is_described(subject: Subject) -> None:
    analysis = await subject.analyzer.analyze(subject.picture)
    assert analysis.engine == subject.analyzer.engine
    assert analysis.model_version
    assert analysis.tags
    assert all(0 <= tag.confidence <= 1 for tag in analysis.tags)
    width, height = SIZE
    boxes = [found.box for found in analysis.objects]
    boxes += [found.box for found in analysis.people]
    boxes += [found.box for found in analysis.smart_crops]
    for box in boxes:
        assert 0 <= box.x <= box.x + box.w <= width
        assert 0 <= box.y <= box.y + box.h <= height
    assert subject.calls() == 1
    await subject.analyzer.check()


async def test_text_is_read_with_its_place(emulator: VisionProcess, folder: str) -> None:
    subject = azure(emulator, folder)
    assert isinstance(subject.analyzer, AzureVision)
    analysis = await subject.analyzer.analyze(subject.picture)
    await subject.analyzer.close()
    [line] = [line for line in analysis.text if "123" in line.content]
    assert len(line.polygon) == 4
    assert all(0 <= x <= SIZE[0] and 0 <= y <= SIZE[1] for x, y in line.polygon)


@pytest.mark.parametrize("fault", ["too_small", "no_picture"])
async def test_faults_of_the_picture(subject: Subject, fault: str) -> None:
    code = dict(zip(("too_small", "no_picture"), subject.codes, strict=True))[fault]
    if isinstance(subject.analyzer, FakeAnalyzer):
        subject.analyzer.will_raise(ImageRejected(code, "the fake was told to"))
    with pytest.raises(ImageRejected) as caught:
        await subject.analyzer.analyze(getattr(subject, fault))
    assert caught.value.code == code
    assert caught.value.detail
    await subject.analyzer.check()


@pytest.mark.parametrize("fault", ["too many", "server error", "garbage", "slow"])
async def test_passing_trouble(subject: Subject, fault: str) -> None:
    subject.fail_next(fault)
    with pytest.raises(AnalyzerUnavailable) as caught:
        await subject.analyzer.analyze(subject.picture)
    assert not isinstance(caught.value, AnalyzerRefused)
    assert isinstance(caught.value, AnalyzerBusy) == (fault == "too many")
    assert fault != "too many" or caught.value.retry_after_s == 3
    assert subject.calls() == 1, "one try a call"
    await subject.analyzer.check()


async def test_a_refusal(subject: Subject) -> None:
    subject.fail_next("refused")
    with pytest.raises(AnalyzerRefused):
        await subject.analyzer.analyze(subject.picture)


async def test_a_wrong_key_is_refused(emulator: VisionProcess) -> None:
    vision = AzureVision(emulator.url, AzureKeyCredential("wrong"), features=FEATURES, timeout_s=20)
    with pytest.raises(AnalyzerRefused):
        await vision.analyze(Picture(ImageBytes(picture(50, 50)), 50, 50))
    with pytest.raises(AnalyzerRefused):
        await vision.check()
    await vision.close()


async def test_a_link_that_leads_nowhere_passes(emulator: VisionProcess, folder: str) -> None:
    subject = azure(emulator, folder)
    assert isinstance(subject.analyzer, AzureVision)
    with pytest.raises(PictureUnreadable) as caught:
        await subject.analyzer.analyze(Picture(ImageUrl(f"{folder}/gone.png?sig=secret"), *SIZE))
    assert "secret" not in caught.value.detail
    await subject.analyzer.close()


async def test_a_region_without_captions_falls_back(folder: str) -> None:
    with vision_process(["--no-caption", "--model", "none"]) as emulator:
        subject = azure(emulator, folder)
        assert isinstance(subject.analyzer, AzureVision)
        for _ in range(2):
            analysis = await subject.analyzer.analyze(subject.picture)
            assert analysis.caption is None
            assert analysis.tags
        assert emulator.call_count() == 3, "the captions were asked for once"
        await subject.analyzer.close()


async def test_a_burst_is_queued_under_the_accounts_limit(folder: str) -> None:
    """The emulator allows 20 calls a second; we keep to 10, and no call is refused."""
    with vision_process(["--rate-limit", "20", "--model", "none"]) as emulator:
        subject = azure(emulator, folder, features=["tags"])
        assert isinstance(subject.analyzer, AzureVision)
        pool = AnalyzerPool([Account("one", subject.analyzer, Gate(10))], max_wait_s=30)
        await asyncio.gather(*(pool.analyze(subject.picture) for _ in range(20)))
        assert [call["status"] for call in emulator.calls()] == [200] * 20
        await subject.analyzer.close()
