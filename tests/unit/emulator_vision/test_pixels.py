"""Colours, brightness, sharpness, crops: on pictures whose answer is known."""

import numpy as np
import pytest
from PIL import Image, ImageFilter

from emulators.vision.engine import crops, pixels
from emulators.vision.engine.pictures import Picture, decode
from tests.unit.emulator_vision.pictures import encoded, noise, plain, spot, with_text


def facts(image: Image.Image) -> pixels.PixelFacts:
    return pixels.measure(decode(encoded(image, "PNG"), 512))


def names(image: Image.Image) -> list[str]:
    return [tag.name for tag in pixels.tags(facts(image))]


@pytest.mark.parametrize(
    ("colour", "name"),
    [
        ((220, 20, 20), "red"), ((250, 140, 20), "orange"), ((240, 220, 30), "yellow"), ((30, 160, 40), "green"),
        ((30, 60, 200), "blue"), ((120, 30, 150), "purple"), ((240, 100, 180), "pink"), ((110, 65, 30), "brown"),
        ((250, 250, 250), "white"), ((128, 128, 128), "grey"), ((8, 8, 8), "black"),
    ],
)  # fmt: skip
def test_colours(colour: tuple[int, int, int], name: str) -> None:
    assert facts(plain(colour)).colours[0] == (name, 1.0)


def test_shares_add_up() -> None:
    assert sum(share for _, share in facts(noise()).colours) == pytest.approx(1)


def test_an_even_surface_is_blank() -> None:
    assert names(plain((200, 30, 30))) == ["blank", "red"]
    assert facts(plain()).blank
    assert not facts(noise()).blank


def test_a_blurred_picture_is_blurry_and_a_sharp_one_is_not() -> None:
    page = with_text("INVOICE", "0815")
    assert "blurry" not in names(page)
    assert "blurry" in names(page.filter(ImageFilter.GaussianBlur(14)))


def test_dark_bright_and_without_colour() -> None:
    assert "dark" in names(plain((20, 25, 30)))
    assert "bright" in names(plain((250, 250, 245)))
    assert "black and white" in names(noise().convert("L"))
    assert "black and white" not in names(noise())


def test_shape_of_the_frame() -> None:
    assert "panorama" in names(noise((900, 300)))
    assert "portrait format" in names(noise((300, 400)))
    assert not {"panorama", "portrait format"} & set(names(noise((400, 300))))


def test_pixels_alone_are_never_very_sure() -> None:
    for image in (plain(), noise(), with_text("x"), plain((2, 2, 2))):
        assert all(0 < tag.confidence <= 0.6 for tag in pixels.tags(facts(image)))


def looked_at(image: Image.Image) -> Picture:
    return decode(encoded(image, "PNG"), 512)


@pytest.mark.parametrize("x", [120, 400, 690])
@pytest.mark.parametrize("ratio", [0.75, 1.0, 1.33, 1.8])
def test_a_crop_has_its_ratio_and_holds_what_stands_out(x: int, ratio: float) -> None:
    [crop] = crops.smart_crops(looked_at(spot((x, 200))), (ratio,))
    assert crop.aspect_ratio == ratio
    assert crop.box.w / crop.box.h == pytest.approx(ratio, abs=0.01)
    assert crop.box.x <= x <= crop.box.x + crop.box.w
    assert crop.box.x >= 0
    assert crop.box.x + crop.box.w <= 800


@pytest.mark.parametrize("size", [(800, 400), (400, 800), (2000, 100), (100, 2000), (60, 60)])
def test_a_crop_of_its_own_choice_keeps_the_limits(size: tuple[int, int]) -> None:
    for image in (noise(size), plain(size=size), spot((size[0] // 3, size[1] // 3), size, radius=20)):
        [crop] = crops.smart_crops(looked_at(image), ())
        assert 0.49 <= crop.box.w / crop.box.h <= 2.02, crop
        assert crop.box.x >= 0
        assert crop.box.x + crop.box.w <= size[0]
        assert crop.box.y + crop.box.h <= size[1]


def test_saliency_is_a_distribution() -> None:
    found = crops.saliency(np.asarray(spot((200, 200))))
    assert found.shape == (64, 64)
    assert found.sum() == pytest.approx(1, abs=1e-3)
    assert found.min() >= 0
