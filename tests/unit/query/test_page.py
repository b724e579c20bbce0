"""The gallery's files: what the page asks for is there, and nothing comes from elsewhere."""

import json
import re
from pathlib import Path

import httpx
import pytest

from services.classifier.labels.rules import NO_RULE
from services.ingest.afterwards import ReviewGiven
from services.query.page import WEB
from services.query.settings import Settings
from tests.unit.query.conftest import World


async def test_the_page_has_its_configuration_and_a_strict_policy(client: httpx.AsyncClient) -> None:
    response = await client.get("/")
    assert response.headers["content-type"].startswith("text/html")
    config = re.search(r'id="config">(.*?)</script>', response.text)
    assert config is not None
    assert json.loads(config[1]) == {"ingest": "http://127.0.0.1:8001"}
    policy = dict(
        part.strip().split(" ", 1) for part in response.headers["content-security-policy"].split(";")
    )
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == "'self'"
    assert policy["connect-src"].startswith("'self' http://127.0.0.1:8001")
    assert "http://127.0.0.1:10000" in policy["img-src"]


async def test_a_setting_cannot_end_the_script_element(tmp_path: Path) -> None:
    world = World(Settings(data_dir=tmp_path, ingest_public_url="http://x/</script><script>alert(1)"))
    transport = httpx.ASGITransport(world.app())
    async with httpx.AsyncClient(transport=transport, base_url="http://query") as client:
        assert "<script>alert" not in (await client.get("/")).text


@pytest.mark.parametrize(
    ("ingest", "origins"),
    [("https://photos.example/in/", "'self' https://photos.example http://x"), ("", "'self' http://x")],
)
async def test_the_policy_names_ingests_origin(tmp_path: Path, ingest: str, origins: str) -> None:
    world = World(Settings(data_dir=tmp_path, ingest_public_url=ingest, picture_origins="http://x"))
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(world.app()), base_url="http://query"
    ) as client:
        policy = (await client.get("/")).headers["content-security-policy"]
    assert f"; connect-src {origins};" in policy


async def test_everything_the_page_asks_for_is_there(client: httpx.AsyncClient) -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in WEB.iterdir())
    asked = set(re.findall(r'"(/assets/[^"]+)"', text)) | {
        f"/assets/{name}" for name in re.findall(r'from "\./([^"]+)"', text)
    }
    assert asked == {f"/assets/{path.name}" for path in WEB.iterdir() if path.name != "index.html"}
    for path in asked:
        response = await client.get(path)
        assert response.status_code == 200, path
        assert response.headers["cache-control"] == "no-cache"
    again = await client.get("/assets/app.js", headers={"If-None-Match": response.headers["etag"]})
    assert again.status_code in (200, 304)


def test_icons_and_elements_that_scripts_name_are_in_the_page() -> None:
    page = (WEB / "index.html").read_text(encoding="utf-8")
    for script in WEB.glob("*.js"):
        text = script.read_text(encoding="utf-8")
        for name in re.findall(r'\bicon\("([a-z]+)"\)', text):
            assert f'id="i-{name}"' in page, f"{script.name}: icon {name}"
        for name in re.findall(r'\bbyId\("([a-z-]+)"\)', text):
            assert f'id="{name}"' in page, f"{script.name}: element {name}"


def test_the_form_of_a_review_takes_what_ingest_takes() -> None:
    schema = ReviewGiven.model_json_schema()["properties"]
    script = (WEB / "draft.js").read_text(encoding="utf-8")
    limits = {name: int(value) for name, value in re.findall(r"const ([A-Z_]+) = (\d+);", script)}
    assert limits == {
        "MOST": schema["labels"]["maxItems"],
        "LETTERS": schema["labels"]["items"]["maxLength"],
        "NOTE_LETTERS": schema["note"]["anyOf"][0]["maxLength"],
    }


def test_a_label_of_no_rule_is_known_by_its_source() -> None:
    assert f'const NO_RULE = "rule:{NO_RULE}";' in (WEB / "review.js").read_text(encoding="utf-8")


def test_nothing_comes_from_another_host_and_nothing_is_inline() -> None:
    for path in WEB.iterdir():
        text = path.read_text(encoding="utf-8").replace("http://www.w3.org/", "")
        assert not re.search(r"https?://|//cdn", text), path.name
    page = (WEB / "index.html").read_text(encoding="utf-8")
    assert not re.search(r'\sstyle="|\son[a-z]+="|<style|javascript:', page)
