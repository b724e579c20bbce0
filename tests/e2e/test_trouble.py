"""What dies is started again, and no accepted picture is lost."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.support.scenes import png
from tests.support.stack import RunningStack
from tests.support.waiting import until_sync

PICTURES = 50


def _calls(stack: RunningStack) -> list[dict[str, object]]:
    calls: list[dict[str, object]] = httpx.get(f"{stack.url('vision')}/_emulator/calls").json()["calls"]
    return calls


def test_killing_the_classifier_loses_nothing_and_repeats_no_saved_call(
    stack: RunningStack, record_property: Callable[[str, object], None]
) -> None:
    before = len(_calls(stack))
    httpx.post(
        f"{stack.url('vision')}/_emulator/faults", json={"delay_s": 1.5, "count": -1}
    ).raise_for_status()
    try:
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda n: stack.upload(png(seed=1000 + n), "C-kill"), range(PICTURES)))
        assert [answer.status_code for answer in answers] == [202] * PICTURES
        ids = [answer.json()["id"] for answer in answers]
        until_sync(lambda: any(stack.record(i)["status"] == "classified" for i in ids), 60, "a first result")
        stack.kill("services.classifier")
        at_kill = _calls(stack)[before:]
        saved = {i for i in ids if stack.record(i)["status"] == "classified"}
    finally:
        httpx.delete(f"{stack.url('vision')}/_emulator/faults")
    for identifier in ids:
        stack.wait_for(identifier, timeout_s=180)
    calls = _calls(stack)[before:]
    made = {i: sum(i in str(call["url_path"]) for call in calls) for i in ids}
    assert {i for i in saved if made[i] != 1} == set(), "a picture whose result was saved was asked again"
    # What was in flight, or answered and not saved, when the process died is asked once more, by its successor.
    assert set(made.values()) <= {1, 2}
    again = len(calls) - PICTURES
    in_flight = sum(call["status"] in (None, 499) for call in at_kill)
    record_property(
        "measured",
        f"{PICTURES} uploads, the classifier killed: {len(at_kill)} calls made by then, {in_flight} of them in flight, "
        f"{len(saved)} results saved; {len(calls)} calls in all, {again} repeated",
    )


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("components.eventgrid_pubsub",), "component ended"),
        (("emulators.eventgrid",), "event-grid ended"),
        (("emulators.storage",), "storage ended"),
        (("emulators.vision",), "vision ended"),
        (("daprd", "--app-id", "classifier"), "classifier ended"),
        (("services.query",), "query ended"),
    ],
    ids=lambda value: value[-1] if isinstance(value, tuple) else "",
)
def test_what_dies_is_started_again_and_delivery_goes_on(
    stack: RunningStack, words: tuple[str, ...], line: str
) -> None:
    said = stack.output.count(line)
    killed = stack.kill(*words)
    until_sync(lambda: stack.output.count(line) > said, 20, f"a line about {line}")
    until_sync(lambda: stack.pid(*words) != killed, 30, f"another {words}")

    def accepted() -> str | None:
        answer = stack.upload(png(seed=7_000 + killed % 10_000), "C-again")
        return str(answer.json()["id"]) if answer.status_code == 202 else None

    identifier = until_sync(accepted, 60, "an upload is accepted again")
    assert identifier
    record = stack.wait_for(identifier, timeout_s=120)
    until_sync(lambda: record["id"] in stack.listed(claim_id="C-again"), 60, "the index has it")
    until_sync(
        lambda: all(
            httpx.get(f"{stack.url(s)}/readyz").status_code == 200 for s in ("ingest", "classifier", "query")
        ),
        60,
        "all ready",
    )
