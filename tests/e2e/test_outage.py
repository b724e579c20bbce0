"""Vision failing in every way while pictures arrive: all are classified in the end, none looked at twice."""

import os
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import httpx

from tests.support.scenes import png
from tests.support.stack import RunningStack
from tests.support.waiting import until_sync

# The whole of it (200 pictures, two minutes) by CLAIMLENS_OUTAGE=full, as `make soak` does.
FULL = os.environ.get("CLAIMLENS_OUTAGE") == "full"
PICTURES = 200 if FULL else 40
SECONDS = 120.0 if FULL else 10.0
FAULTS = (
    {"status": 429, "retry_after": 1, "count": -1},
    {"status": 500, "count": -1},
    {"delay_s": 3, "status": 503, "count": -1},
    {"garbage": True, "count": -1},
    {"hang": True, "count": -1},
)


@contextmanager
def _failing(stack: RunningStack, seconds: float) -> Iterator[threading.Thread]:
    """One fault after the other for ``seconds`` in all, then none."""
    url = f"{stack.url('vision')}/_emulator/faults"

    def run() -> None:
        for fault in FAULTS:
            httpx.delete(url).raise_for_status()
            httpx.post(url, json=fault).raise_for_status()
            stop.wait(seconds / len(FAULTS))
        httpx.delete(url).raise_for_status()

    stop = threading.Event()
    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield thread
    finally:
        stop.set()
        thread.join()
        httpx.delete(url)


def test_all_are_classified_and_none_that_had_its_answer_is_asked_again(stack: RunningStack) -> None:
    calls_url = f"{stack.url('vision')}/_emulator/calls"
    before = httpx.get(calls_url).json()["count"]
    with _failing(stack, SECONDS) as trouble, ThreadPoolExecutor(6) as pool:
        until_sync(lambda: httpx.get(f"{stack.url('vision')}/_emulator/faults").json(), 5, "a first fault")
        uploads = list(pool.map(lambda n: stack.upload(png(seed=50_000 + n), "C-outage"), range(PICTURES)))
        assert {upload.status_code for upload in uploads} == {202}
        trouble.join(SECONDS * 2)
    ids = [upload.json()["id"] for upload in uploads]
    for identifier in ids:
        stack.wait_for(identifier, timeout_s=300)
    calls = httpx.get(calls_url).json()["calls"][before:]
    # Garbage comes with status 200 and is no answer; a call that was only held back is one.
    answered = Counter(
        call["url_path"] for call in calls if call["status"] == 200 and "garbage" not in str(call["fault"])
    )
    ours = {path: count for path, count in answered.items() if path and "C-outage" in path}
    assert len(ours) == PICTURES
    assert set(ours.values()) == {1}
    assert any(call["status"] != 200 or call["fault"] for call in calls), "the trouble never reached a call"
