"""Rules from a file that changes while the service runs."""

import asyncio
import os
import threading
from pathlib import Path

import httpx
import pytest
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from services.classifier.labels.errors import BadRules
from services.classifier.labels.reading import RuleSet
from services.classifier.labels.source import RuleSource, find_rules
from services.classifier.main import create_app
from services.classifier.metrics import ClassifierMetrics
from services.classifier.settings import Settings
from services.platform.health import Degraded
from tests.support.waiting import until
from tests.unit.classifier.conftest import World

GOOD = "rules: [{name: one, any: [{tag: car}]}]"
BETTER = "rules: [{name: two, any: [{tag: car}]}]"
BAD = "rules: [{name: one, any: [{tags: car}]}]"


class Stand:
    def __init__(self, file: Path) -> None:
        self.file = file
        self.registry = CollectorRegistry()
        self.source = RuleSource(str(file), ClassifierMetrics(self.registry))

    @property
    def rules(self) -> list[str]:
        return [rule.name for rule in self.source.current().file.rules]

    def metric(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(f"claimlens_label_rules_{name}", labels)

    async def warning(self) -> str | None:
        try:
            await self.source.check()
        except Exception as error:
            return str(error)
        return None


@pytest.fixture
def stand(tmp_path: Path) -> Stand:
    file = tmp_path / "own.yaml"
    file.write_text(GOOD)
    return Stand(file)


async def test_good_then_bad_then_good(stand: Stand) -> None:
    first = stand.source.current().version
    assert stand.metric("current") == 1

    stand.file.write_text(BAD)
    with capture_logs() as logs:
        await stand.source.refresh()
        await stand.source.refresh()
    (line,) = logs
    assert (line["log_level"], line["event"], line["in_force"]) == ("error", "label rules refused", first)
    assert "no such field, perhaps 'tag'" in line["faults"][0]
    assert stand.rules == ["one"]
    assert stand.metric("current") == 0
    assert stand.metric("loads_total", result="refused") == 1
    warning = await stand.warning()
    assert warning is not None
    assert warning.startswith(f"still {first}; {stand.file}: rule 'one'")

    stand.file.write_text(BETTER)
    with capture_logs() as logs:
        await stand.source.refresh()
    assert [(line["event"], line["before"]) for line in logs] == [("label rules loaded", first)]
    assert stand.rules == ["two"]
    assert stand.metric("current") == 1
    assert stand.metric("loads_total", result="loaded") == 1
    assert await stand.warning() is None


async def test_back_to_the_version_in_force_is_good_again(stand: Stand) -> None:
    stand.file.write_text(BAD)
    await stand.source.refresh()
    stand.file.write_text(GOOD)
    await stand.source.refresh()
    assert await stand.warning() is None
    assert stand.metric("current") == 1


async def test_each_bad_version_is_told_once(stand: Stand) -> None:
    with capture_logs() as logs:
        for text in (BAD, "rules: [", BAD + "\n"):
            stand.file.write_text(text)
            await stand.source.refresh()
            await stand.source.refresh()
    assert len(logs) == 3
    assert stand.metric("loads_total", result="refused") == 3


@pytest.mark.parametrize("how", ["gone", "folder", "binary", "huge"])
async def test_a_file_that_cannot_be_read_leaves_the_rules_in_force(stand: Stand, how: str) -> None:
    stand.file.unlink()
    match how:
        case "folder":
            stand.file.mkdir()
        case "binary":
            stand.file.write_bytes(b"\xff\xfe\x00")
        case "huge":
            stand.file.write_bytes(b"#" * 10_000_000)
    with capture_logs() as logs:
        await stand.source.refresh()
        await stand.source.refresh()
    assert len(logs) == 1
    assert stand.rules == ["one"]
    assert await stand.warning() is not None
    if how == "folder":
        stand.file.rmdir()
    stand.file.write_text(BETTER)
    await stand.source.refresh()
    assert stand.rules == ["two"]


async def test_a_file_that_went_and_came_back_unchanged_is_good_again(stand: Stand) -> None:
    aside = stand.file.rename(stand.file.with_suffix(".aside"))
    await stand.source.refresh()
    assert await stand.warning() is not None
    aside.rename(stand.file)
    await stand.source.refresh()
    assert await stand.warning() is None


async def test_a_file_that_is_only_touched_is_no_new_version(stand: Stand) -> None:
    os.utime(stand.file, ns=(1, 1))
    with capture_logs() as logs:
        await stand.source.refresh()
    assert logs == []
    assert stand.metric("loads_total", result="loaded") == 0


async def test_a_link_that_is_turned_to_another_file_is_seen(tmp_path: Path) -> None:
    """As Kubernetes does with a ConfigMap; here with the same size and time."""
    for name, text in (("a", GOOD), ("b", BETTER)):
        (tmp_path / name).write_text(text)
        os.utime(tmp_path / name, ns=(1, 1))
    link = tmp_path / "own.yaml"
    link.symlink_to("a")
    stand = Stand(link)
    (tmp_path / "new").symlink_to("b")
    (tmp_path / "new").replace(link)
    await stand.source.refresh()
    assert stand.rules == ["two"]


async def test_a_file_is_read_again_only_if_its_time_size_or_inode_changed(stand: Stand) -> None:
    before = stand.file.stat()
    assert len(GOOD) == len(BETTER)
    with stand.file.open("r+") as file:
        file.write(BETTER)
    os.utime(stand.file, ns=(before.st_atime_ns, before.st_mtime_ns))
    await stand.source.refresh()
    assert stand.rules == ["one"]
    os.utime(stand.file, ns=(before.st_atime_ns, before.st_mtime_ns + 1))
    await stand.source.refresh()
    assert stand.rules == ["two"]


async def test_reading_does_not_hold_up_the_loop(tmp_path: Path) -> None:
    """The file is a pipe that nobody writes to: whoever opens it waits."""
    file = tmp_path / "own.yaml"
    file.write_text(GOOD)
    stand = Stand(file)
    file.unlink()
    os.mkfifo(file)
    task = asyncio.create_task(stand.source.refresh())
    await until(lambda: any("asyncio" in thread.name for thread in threading.enumerate()), 5)
    for _ in range(100):
        await asyncio.sleep(0)
    assert not task.done()
    assert stand.rules == ["one"]
    # Opened from the other end, so that the reader ends.
    os.close(os.open(file, os.O_WRONLY))
    await asyncio.wait_for(task, 5)
    assert stand.rules == ["one"]


async def test_the_file_is_watched_while_the_app_runs(world: World, tmp_path: Path) -> None:
    file = tmp_path / "own.yaml"
    file.write_text(GOOD)
    stand = Stand(file)
    async with stand.source.watched(interval_s=0.01):
        file.write_text(BETTER)
        await until(lambda: stand.rules == ["two"], 5)
        file.write_text(BAD)
        await until(lambda: stand.metric("current") == 0, 5)
        file.write_text(GOOD)
        await until(lambda: stand.rules == ["one"], 5)
    file.write_text(BETTER)
    await asyncio.sleep(0)
    assert stand.rules == ["one"]
    assert len(asyncio.all_tasks()) == 1


class Broken(RuleSource):
    broken = False

    def _read(self) -> RuleSet | None:
        if self.broken:
            raise ZeroDivisionError("odd")
        return super()._read()


async def test_what_nobody_foresaw_does_not_end_the_watch(tmp_path: Path) -> None:
    file = tmp_path / "own.yaml"
    file.write_text(GOOD)
    source = Broken(str(file), ClassifierMetrics(CollectorRegistry()))
    source.broken = True
    with capture_logs() as logs:
        await source.refresh()
    assert "label rules not looked at" in {line["event"] for line in logs}
    with pytest.raises(Degraded, match="odd"):
        await source.check()
    source.broken = False
    file.write_text(BETTER)
    await source.refresh()
    await source.check()
    assert source.current().file.rules[0].name == "two"


async def test_readiness_names_the_fault_and_stays_ready(world: World, tmp_path: Path) -> None:
    file = tmp_path / "own.yaml"
    file.write_text(GOOD)
    driver = world.start(label_rules=str(file))
    async with driver.http:
        ready = await driver.http.get("/readyz")
        assert ready.json() == {"status": "ready", "missing": {}}
        app = driver.http._transport.app  # type: ignore[attr-defined]
        file.write_text(BAD)
        async with app.router.lifespan_context(app):
            await until(lambda: _warnings(driver.http), 10)
        ready = await driver.http.get("/readyz")
        assert ready.status_code == 200
        assert ready.json()["status"] == "ready"
        assert "perhaps 'tag'" in ready.json()["warnings"]["label-rules"]
        metrics = (await driver.http.get("/metrics")).text
        assert "claimlens_label_rules_current 0.0" in metrics
        assert 'claimlens_label_rules_loads_total{result="refused"} 1.0' in metrics


async def _warnings(http: httpx.AsyncClient) -> bool:
    return "warnings" in (await http.get("/readyz")).json()


@pytest.mark.parametrize(
    ("chosen", "said"),
    [
        ("claim", "there is no set 'claim', only claims, fashion, games; nor a file of that name"),
        ("./nowhere.yaml", "nowhere.yaml: cannot be read: No such file or directory"),
    ],
)
def test_rules_that_are_not_there_stop_the_start(world: World, chosen: str, said: str) -> None:
    with pytest.raises(BadRules) as caught:
        create_app(Settings(label_rules=chosen))
    assert said in str(caught.value)


def test_bad_rules_stop_the_start(tmp_path: Path) -> None:
    file = tmp_path / "own.yaml"
    file.write_text(BAD)
    with pytest.raises(BadRules, match="rule 'one': any number 1: tags: there is no such field"):
        create_app(Settings(label_rules=str(file)))


def test_the_setting_is_a_set_or_a_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert Settings().label_rules == "claims"
    assert find_rules("games").name == "games.yaml"
    monkeypatch.chdir(tmp_path)
    Path("own").write_text(GOOD)
    assert find_rules("own") == Path("own")
    monkeypatch.setenv("CLAIMLENS_LABEL_RULES", "fashion")
    assert Settings().label_rules == "fashion"
