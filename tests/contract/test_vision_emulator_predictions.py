"""Custom Vision prediction of the Vision emulator, by plain REST (the vendor's package is archived)."""

import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.ports import free_port
from tests.support.vision_process import VisionProcess, vision_process
from tests.unit.emulator_vision.pictures import encoded, noise, plain, with_text
from tests.unit.emulator_vision.test_own_model import own_model, striped

PROJECT = "22222222-2222-2222-2222-222222222222"
OWN_PROJECT = "33333333-3333-3333-3333-333333333333"
PICTURE = encoded(striped((255, 0, 0)), "PNG")
GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

CONFIG = f"""
projects:
  "*":
    claims:
      classify: {{classes: {{vehicle: [vehicle], animal: [animal]}}, negative: other}}
      detect: {{classes: {{writing: [text], person: [person]}}}}
    only-detect:
      detect: {{classes: {{person: [person]}}}}
  "{OWN_PROJECT}":
    damage:
      classify: {{model: own, negative: nothing}}
"""


@pytest.fixture(scope="module")
def vision(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VisionProcess]:
    folder = tmp_path_factory.mktemp("projects")
    (folder / "own").mkdir()
    own_model(folder / "own")
    (folder / "projects.yaml").write_text(CONFIG)
    with vision_process(["--custom-vision", str(folder / "projects.yaml")]) as running:
        yield running


@pytest.fixture(scope="module")
def link() -> Iterator[str]:
    """The address of a picture behind a link; any other path there is 404."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = self.path == "/x.png"
            self.send_response(200 if found else 404)
            self.end_headers()
            self.wfile.write(PICTURE if found else b"")

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", free_port()), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/x.png"
    server.shutdown()
    server.server_close()


def post(
    vision: VisionProcess, what: str, *, project: str = PROJECT, key: str | None = None, **body: Any
) -> httpx.Response:
    """``what``: e.g. ``classify/iterations/claims/image``."""
    headers = {"Prediction-Key": vision.key if key is None else key, **body.pop("headers", {})}
    url = f"{vision.url}/customvision/v3.1/prediction/{project}/{what}"
    return httpx.post(url, headers=headers, timeout=60, trust_env=False, **body)


RAW: dict[str, Any] = {"content": PICTURE, "headers": {"Content-Type": "application/octet-stream"}}
FORM: dict[str, Any] = {"files": {"imageData": (None, PICTURE)}}


@pytest.mark.parametrize("body", [RAW, FORM], ids=["bytes", "form"])
@pytest.mark.parametrize("nostore", ["", "/nostore"])
def test_classify(vision: VisionProcess, body: dict[str, Any], nostore: str) -> None:
    response = post(vision, f"classify/iterations/claims/image{nostore}", **body)
    assert response.status_code == 200, response.text
    found = response.json()
    assert found["project"] == PROJECT
    assert all(GUID.fullmatch(found[name]) for name in ("id", "iteration"))
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", found["created"])
    predictions = found["predictions"]
    assert {p["tagName"] for p in predictions} == {"vehicle", "animal", "other"}
    assert [p["tagType"] for p in predictions if p["tagName"] == "other"] == ["Negative"]
    assert all(set(p) == {"probability", "tagId", "tagName", "tagType"} for p in predictions)
    assert [p["probability"] for p in predictions] == sorted(
        (p["probability"] for p in predictions), reverse=True
    )
    assert all(0 <= p["probability"] <= 1 for p in predictions)
    assert vision.calls()[-1]["operation"] == "classify"
    assert vision.calls()[-1]["features"] == ["claims"]


def test_by_link_and_with_an_application(vision: VisionProcess, link: str) -> None:
    response = post(vision, "classify/iterations/claims/url?application=x", json={"url": link})
    assert response.status_code == 200, response.text
    assert vision.calls()[-1]["url_path"] == "/x.png"


def test_ids_stay_the_same(vision: VisionProcess) -> None:
    first, second = (post(vision, "classify/iterations/claims/image", **RAW).json() for _ in range(2))
    assert first["iteration"] == second["iteration"]
    assert first["predictions"] == second["predictions"]
    assert first["id"] != second["id"]


def test_detect(vision: VisionProcess) -> None:
    content = encoded(with_text("AB 123 CD", size=(640, 360)), "PNG")
    response = post(vision, "detect/iterations/claims/image", content=content, headers=RAW["headers"])
    [found] = response.json()["predictions"]
    assert found["tagName"] == "writing"
    box = found["boundingBox"]
    assert set(box) == {"left", "top", "width", "height"}
    assert box["left"] == pytest.approx(40 / 640, abs=0.03)
    assert 0.3 < box["width"] < 0.6
    assert 0 < box["top"] < 0.3
    assert vision.calls()[-1]["operation"] == "detect"


def test_a_model_of_its_own(vision: VisionProcess) -> None:
    response = post(vision, "classify/iterations/damage/image", project=OWN_PROJECT, **RAW)
    predictions = {p["tagName"]: p["probability"] for p in response.json()["predictions"]}
    assert set(predictions) == {"dent", "scratch", "intact", "nothing"}
    assert predictions["dent"] > 0.9
    assert predictions["nothing"] == pytest.approx(1 - predictions["dent"], abs=1e-4)


def test_paths_whatever_their_case(vision: VisionProcess) -> None:
    url = f"{vision.url}/CustomVision/v3.0/Prediction/{PROJECT.upper()}/Classify/Iterations/claims/Image"
    response = httpx.post(
        url,
        content=PICTURE,
        trust_env=False,
        headers={"Prediction-key": vision.key, "Content-Type": "application/octet-stream"},
    )
    assert response.status_code == 200, response.text


def test_a_token(vision: VisionProcess) -> None:
    url = f"{vision.url}/customvision/v3.1/prediction/{PROJECT}/classify/iterations/claims/image"
    response = httpx.post(
        url,
        content=PICTURE,
        trust_env=False,
        headers={"Authorization": "Bearer a.b.c", "Content-Type": "application/octet-stream"},
    )
    assert response.status_code == 200


OCTETS = {"Content-Type": "application/octet-stream"}
REFUSED: dict[str, tuple[str, dict[str, Any], int, str]] = {
    "wrong key": ("classify/iterations/claims/image", {**RAW, "key": "wrong"}, 401, "401"),
    "no picture": ("classify/iterations/claims/image", {"content": b"%PDF", "headers": OCTETS}, 400,
                   "BadRequestImageFormat"),
    "a format it does not read": ("classify/iterations/claims/image",
                                  {"content": encoded(plain(), "WEBP"), "headers": OCTETS}, 400,
                                  "BadRequestImageFormat"),
    "truncated": ("classify/iterations/claims/image", {"content": encoded(noise())[:3000], "headers": OCTETS}, 400,
                  "BadRequestImageFormat"),
    "empty": ("classify/iterations/claims/image", {"content": b"", "headers": OCTETS}, 400,
              "BadRequestImageSizeBytes"),
    "over 4 MB": ("classify/iterations/claims/image", {"content": b"x" * (4 * 1024 * 1024 + 1), "headers": OCTETS},
                  400, "BadRequestImageSizeBytes"),
    "too small": ("classify/iterations/claims/image",
                  {"content": encoded(plain(size=(40, 60)), "PNG"), "headers": OCTETS}, 400,
                  "BadRequestImageDimensions"),
    "content type": ("classify/iterations/claims/image",
                     {"content": PICTURE, "headers": {"Content-Type": "image/png"}}, 400, "BadRequestImageStream"),
    "a link where bytes belong": ("classify/iterations/claims/image", {"json": {"url": "http://127.0.0.1/x"}}, 400,
                                  "BadRequestImageStream"),
    "bytes where a link belongs": ("classify/iterations/claims/url", RAW, 400, "BadRequestImageUrl"),
    "a bad link": ("classify/iterations/claims/url", {"json": {"url": "nowhere"}}, 400, "BadRequestImageUrl"),
    "unknown name": ("classify/iterations/gone/image", RAW, 400, "BadRequestInvalidPublishName"),
    "not a classifier": ("classify/iterations/only-detect/image", RAW, 400, "BadRequestNotSupported"),
    "no id": ("classify/iterations/claims/image", {**RAW, "project": "mine"}, 400, "BadRequestInvalidIds"),
    "no such task": ("guess/iterations/claims/image", RAW, 404, "NotFound"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_refusals_have_a_flat_body(vision: VisionProcess, name: str) -> None:
    what, arguments, status, code = REFUSED[name]
    response = post(vision, what, **arguments)
    assert response.status_code == status, response.text
    assert response.json()["code"] == code
    assert set(response.json()) == {"code", "message"}


def test_an_unreachable_link(vision: VisionProcess, link: str) -> None:
    response = post(vision, "classify/iterations/claims/url", json={"url": link + "?gone"})
    assert response.json()["code"] == "BadRequestImageUrl"


def test_a_project_that_is_not_there_and_a_rate_limit(tmp_path: Path) -> None:
    (tmp_path / "projects.yaml").write_text(
        f'projects: {{"{OWN_PROJECT}": {{a: {{detect: {{classes: {{person: [person]}}}}}}}}}}'
    )
    with vision_process(
        ["--custom-vision", str(tmp_path / "projects.yaml"), "--rate-limit", "0.01"]
    ) as other:
        response = post(other, "detect/iterations/a/image", **RAW)
        assert (response.status_code, response.json()["code"]) == (404, "NotFoundProject")
        limited = post(other, "detect/iterations/a/image", **RAW)
        assert limited.status_code == 429
        assert 30 < int(limited.headers["Retry-After"]) <= 100
        assert set(limited.json()) == {"code", "message"}


def test_faults_hit_predictions_too(vision: VisionProcess) -> None:
    vision.faults({"status": 503})
    assert post(vision, "classify/iterations/claims/image", **RAW).status_code == 503
    assert post(vision, "classify/iterations/claims/image", **RAW).status_code == 200
