"""The sets that ship: what they make of what engines typically say."""

import pytest

from services.classifier.labels.reading import read_rules
from services.classifier.labels.source import find_rules, set_names
from services.contracts.records import Analysis
from tests.unit.classifier.labelling import of_set, said

AZURE_CAR = said(
    tags={"outdoor": 0.99, "land vehicle": 0.98, "vehicle": 0.97, "car": 0.95, "wheel": 0.9, "bumper": 0.7},
    objects={"car": 0.9},
    caption=("a silver car parked on a street", 0.7),
    text=["AB12 CDE"],
)


def test_there_are_three_sets_and_all_are_good() -> None:
    assert set_names() == ["claims", "fashion", "games"]
    for name in set_names():
        found = read_rules(find_rules(name).read_bytes(), name=name, where=name)
        assert found.version.startswith(f"{name}@")


@pytest.mark.parametrize(
    ("analysis", "labels"),
    [
        (AZURE_CAR, {"vehicle", "licence-plate"}),
        (said(tags={"vehicle": 0.94, "motorcycle": 0.93, "moped": 0.8}), {"vehicle"}),
        (said(tags={"toy": 0.9, "car": 0.8}), {"contents"}),
        (
            said(tags={"car": 0.9, "vehicle": 0.9, "traffic collision": 0.6}, caption=("a wrecked car", 0.6)),
            {"vehicle", "vehicle-damage"},
        ),
        (said(tags={"car": 0.9}, caption=("a car with a dented door", 0.4)), {"vehicle", "vehicle-damage"}),
        (said(caption=("a dented tin", 0.9)), {"unlabelled"}),
        (said(tags={"bumper dent": 0.8}, engine="custom-vision"), {"vehicle-damage"}),
        (said(objects={"scratch": 0.5}, engine="custom-vision"), {"vehicle-damage"}),
        (said(tags={"building": 0.87, "palace": 0.4}), {"property"}),
        (said(tags={"indoor": 0.9, "ceiling": 0.8, "wall": 0.9}), {"property"}),
        (
            said(tags={"flood": 0.7, "water": 0.9, "house": 0.8, "building": 0.8}),
            {"property", "water-damage"},
        ),
        (said(tags={"water": 0.95, "swimming pool": 0.9}), {"unlabelled"}),
        (said(caption=("a ceiling with a water stain", 0.5)), {"water-damage"}),
        (said(tags={"fire": 0.9, "flame": 0.8, "house": 0.7}), {"fire-damage", "property"}),
        (said(tags={"flame": 0.9, "fireplace": 0.8, "room": 0.7}), {"property"}),
        (said(tags={"furniture": 0.9, "chair": 0.9}), {"contents"}),
        (said(tags={"text": 0.99, "document": 0.9, "receipt": 0.7}), {"document"}),
        (said(text=["INVOICE no. 7", "Date 1 May", "Parts 3.00", "Labour 4.00", "Total 7.00"]), {"document"}),
        (said(text=["Line"] * 12), {"document"}),
        (said(text=["EXIT", "24"]), {"unlabelled"}),
        (
            said(text=["REPAIRESTIMATE", "Ve hicle: van", "Door 30.00", "Lamp 40.00", "Total 70.00"]),
            {"document", "vehicle-damage"},
        ),
        (said(text=["Claim form", "burst pipe", "a", "b", "c"]), {"document", "water-damage"}),
        (said(people=[0.9], objects={"person": 0.9}), {"person"}),
        (said(tags={"animal": 0.98, "cat": 0.97}), {"animal"}),
        (said(tags={"sky": 0.9}), {"unlabelled"}),
        (said(), {"unlabelled"}),
    ],
)
def test_claims(analysis: Analysis, labels: set[str]) -> None:
    assert set(of_set("claims", analysis)) == labels


@pytest.mark.parametrize(
    "plate",
    [
        "AB12 CDE",
        "AB12CDE",
        "M-AB 1234",
        "HH KX 407",
        "KA TE 95E",
        "FG-482-KL",
        "4821 KNC",
        "7RTX482",
        "GH-482-K",
    ],
)
def test_a_plate_alone_is_read(plate: str) -> None:
    found = of_set("claims", said(text=[plate]))
    assert set(found) == {"licence-plate"}
    assert not found["licence-plate"].review
    assert found["licence-plate"].evidence[0].value == plate


@pytest.mark.parametrize("sign", ["BUS 123", "HJK-4821", "482 KJD"])
def test_what_may_be_a_plate_is_for_review_unless_there_is_a_vehicle(sign: str) -> None:
    assert of_set("claims", said(text=[sign]))["licence-plate"].review
    assert not of_set("claims", said(text=[sign], tags={"car": 0.9}))["licence-plate"].review


@pytest.mark.parametrize("text", ["EXIT 24", "STOP", "ROOM 101", "50", "ab12 cde", "AB12 CDE sold", "12.30"])
def test_other_signs_are_no_plates(text: str) -> None:
    assert "licence-plate" not in of_set("claims", said(text=[text]))


@pytest.mark.parametrize(
    ("analysis", "labels"),
    [
        (said(tags={"clothing": 0.95, "dress": 0.9, "gown": 0.6}), {"dress", "clothing"}),
        (said(tags={"clothing": 0.92, "t-shirt": 0.82}), {"top", "clothing"}),
        (said(tags={"footwear": 0.97, "shoe": 0.96}), {"footwear", "clothing"}),
        (
            said(tags={"trench coat": 0.8, "clothing": 0.9}, people=[0.9]),
            {"outerwear", "clothing", "worn-by-model"},
        ),
        (said(tags={"bag": 0.9, "purse": 0.8}), {"bag"}),
        (said(tags={"hat": 0.8, "sombrero": 0.4}), {"headwear", "clothing"}),
        (said(tags={"sunglasses": 0.9}), {"accessory"}),
        (said(text=["100% COTTON", "MADEIN PORTUGAL"]), {"size-or-care-label"}),
        (said(text=["$49.90"]), {"price-tag"}),
        (said(tags={"prayer rug": 0.98, "textile": 0.98}), {"unlabelled"}),
    ],
)
def test_fashion(analysis: Analysis, labels: set[str]) -> None:
    assert set(of_set("fashion", analysis)) == labels


def test_a_price_without_its_currency_is_for_review() -> None:
    assert of_set("fashion", said(text=["29,95"]))["price-tag"].review


@pytest.mark.parametrize(
    ("analysis", "labels"),
    [
        (said(tags={"video game": 0.9, "screenshot": 0.8}), {"screenshot"}),
        (said(text=["HEALTH87", "AMMO24/120"]), {"hud"}),
        (said(text=["NEWGAME", "OPTIONS", "QUIT"]), {"menu"}),
        (said(text=["GAMEOVER"]), {"game-over"}),
        (said(text=["LEVEL COMPLETE"]), {"victory"}),
        (said(text=["LEADERBOARD", "1 ann 20", "2 bob 10", "3 eve 5"]), {"scoreboard"}),
        (said(text=["mina_7: on my way"]), {"dialogue-or-chat"}),
        (said(text=["Fatal error"]), {"crash-or-error"}),
        (said(text=["Place: Mill Lane"], tags={"document": 0.9}), {"unlabelled"}),
        (said(people=[0.8]), {"character"}),
        (said(text=["THE LONG NIGHT"]), {"unlabelled"}),
    ],
)
def test_games(analysis: Analysis, labels: set[str]) -> None:
    assert set(of_set("games", analysis)) == labels
