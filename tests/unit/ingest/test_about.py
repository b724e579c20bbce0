"""What the camera says of a picture: credible parts of it in the record, the rest dropped."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from PIL import Image as Pillow

from services.contracts.records import Gps, Image
from services.ingest.about import about
from tests.support.pictures import encoded
from tests.unit.ingest.conftest import Open, Stand

MAKE, MODEL, EXIF, GPS = 0x010F, 0x0110, 0x8769, 0x8825
TAKEN, TAKEN_OFFSET, DIGITISED, DIGITISED_OFFSET = 0x9003, 0x9011, 0x9004, 0x9012
NOW = datetime(2026, 11, 22, tzinfo=UTC)
MUNICH = {1: "N", 2: (48.0, 8.0, 30.5), 3: "E", 4: (11.0, 34.0, 12.0)}
FORMATS = ["JPEG", "PNG", "WEBP", "HEIF"]


def exif(main: dict[int, Any], *, times: dict[int, Any] | None = None, gps: Any = None) -> Pillow.Exif:
    block = Pillow.Exif()
    block.update(main)
    block.get_ifd(EXIF).update(times or {})
    block.get_ifd(GPS).update(gps or {})
    return block


IPHONE = exif(
    {MAKE: "Apple", MODEL: "iPhone 15 Pro"},
    times={TAKEN: "2024:05:06 07:08:09", TAKEN_OFFSET: "+02:00"},
    gps=MUNICH,
)


async def kept(stand: Stand, content: bytes) -> Image:
    response = await stand.upload(content)
    assert response.status_code == 202, response.text
    return stand.record(response.json()["id"]).image


@pytest.mark.parametrize("kind", FORMATS)
async def test_time_and_camera(stand: Stand, kind: str) -> None:
    image = await kept(stand, encoded(kind, exif=IPHONE))
    assert image.taken_at == datetime(2024, 5, 6, 5, 8, 9, tzinfo=UTC)
    assert image.taken_at_offset == "+02:00"
    assert image.camera == "Apple iPhone 15 Pro"


@pytest.mark.parametrize("kind", FORMATS)
async def test_place_only_where_the_setting_allows_it(opened: Open, kind: str) -> None:
    content = encoded(kind, exif=IPHONE)
    assert (await kept(await opened(), content)).gps is None
    assert (await kept(await opened(keep_gps=True), content)).gps == Gps(lat=48.141806, lon=11.57)


async def test_the_setting_is_an_environment_variable(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLAIMLENS_KEEP_GPS", "true")
    assert (await kept(await opened(), encoded(exif=IPHONE))).gps


async def test_nothing_is_said(stand: Stand) -> None:
    image = await kept(stand, encoded())
    assert (image.taken_at, image.taken_at_offset, image.camera, image.gps) == (None, None, None, None)


def taken(times: dict[int, Any]) -> tuple[datetime | None, str | None]:
    found = about({}, times, {}, now=NOW, keep_gps=False)
    return found.taken_at, found.taken_at_offset


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2024:05:06 07:08:09", 6),
        ("2024-05-06T07:08:09", 6),
        ("2024/05/06 07:08:09\0", 6),
        (b"2024:05:06 07:08:09", 6),
        ("2024:05:06 07:08:09.123", 6),
        ("0000:00:00 00:00:00", None),
        ("    :  :     :  :  ", None),
        ("2024:13:06 07:08:09", None),
        ("2024:02:30 07:08:09", None),
        ("2024:05:06 25:08:09", None),
        ("2024:05:06", None),
        ("", None),
        (None, None),
        (20240506, None),
        ("1970:01:01 00:00:00", None),
        ("1980:01:01 00:00:00", None),
        ("9999:12:31 23:59:59", None),
        ("2026:11:24 00:00:01", None),
        ("x" * 1_000_000, None),
    ],
    ids=lambda value: str(value)[:20],
)
def test_dates(text: object, day: int | None) -> None:
    moment, offset = taken({TAKEN: text})
    assert (moment.day if moment else None, offset) == (day, None)


def test_clocks_that_are_ahead_a_little() -> None:
    """Without an offset the camera's clock may be up to 14 hours ahead of ours."""
    assert taken({TAKEN: "2026:11:22 13:00:00"})[0] == NOW + timedelta(hours=13)


@pytest.mark.parametrize(
    ("offset", "hour", "known"),
    [
        ("+02:00", 5, "+02:00"),
        ("-05:30", 12, "-05:30"),
        ("Z", 7, "+00:00"),
        ("+99:00", 7, None),
        ("+02:99", 7, None),
        ("CEST", 7, None),
        (b"+02:00\0", 5, "+02:00"),
        (2, 7, None),
    ],
)
def test_offsets(offset: object, hour: int, known: str | None) -> None:
    moment, said = taken({TAKEN: "2024:05:06 07:08:09", TAKEN_OFFSET: offset})
    assert moment
    assert (moment.hour, said) == (hour, known)


def test_time_of_digitising_is_second_best() -> None:
    digitised = {DIGITISED: "2024:05:06 07:08:09", DIGITISED_OFFSET: "+02:00"}
    assert taken(digitised)[1] == "+02:00"
    assert taken({**digitised, TAKEN: "0000:00:00 00:00:00"})[1] == "+02:00"
    assert taken({**digitised, TAKEN: "2023:05:06 07:08:09"}) == (
        datetime(2023, 5, 6, 7, 8, 9, tzinfo=UTC),
        None,
    )


@pytest.mark.parametrize(
    ("make", "model", "camera"),
    [
        ("Apple", "iPhone 15", "Apple iPhone 15"),
        ("Canon", "Canon EOS 5D", "Canon EOS 5D"),
        ("NIKON CORPORATION", "NIKON D90", "NIKON D90"),
        ("SAMSUNG ", "  SM-G960F\0junk", "SAMSUNG SM-G960F"),
        ("Apple", None, "Apple"),
        (None, "EOS", "EOS"),
        (b"Sony\0", b"\xffX1", "Sony \ufffdX1"),
        ("a\x1b[31m\n\u202eb", "c", "a [31m b c"),
        ("x" * 500, "y" * 500, f"{'x' * 64} {'y' * 64}"),
        ("", " ", None),
        (None, None, None),
        (7, (1, 2), None),
    ],
)
def test_cameras(make: object, model: object, camera: str | None) -> None:
    assert about({MAKE: make, MODEL: model}, {}, {}, now=NOW, keep_gps=False).camera == camera


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({}, (48.141806, 11.57)),
        ({1: "S", 3: "W"}, (-48.141806, -11.57)),
        ({1: "s", 3: b"W\0"}, (-48.141806, -11.57)),
        ({1: None, 3: 5}, (48.141806, 11.57)),
        ({2: (0.0, 0.0, 0.0)}, (0.0, 11.57)),
        ({2: (0.0, 0.0, 0.0), 4: (0.0, 0.0, 0.0)}, None),
        ({2: (90.0, 0.0, 1.0)}, None),
        ({4: (180.0, 0.0, 0.0)}, (48.141806, 180.0)),
        ({4: (181.0, 0.0, 0.0)}, None),
        ({2: (-48.0, 8.0, 30.5)}, None),
        ({2: (float("nan"), 0.0, 0.0)}, None),
        ({2: (float("inf"), 0.0, 0.0)}, None),
        ({2: (48.0, 8.0)}, None),
        ({2: 48.0}, None),
        ({2: "48"}, None),
        ({2: None}, None),
        ({2: ("a", "b", "c")}, None),
    ],
    ids=repr,
)
def test_places(changes: dict[int, Any], place: tuple[float, float] | None) -> None:
    found = about({}, {}, MUNICH | changes, now=NOW, keep_gps=True).gps
    assert (None if found is None else (found.lat, found.lon)) == place
