"""A history is bounded, and begins where it began."""

from datetime import timedelta

from services.contracts.records import HISTORY_KEPT, HistoryEntry, Status, continued
from tests.support.records import BEGINNING


def entry(number: int) -> HistoryEntry:
    return HistoryEntry(at=BEGINNING + timedelta(seconds=number), status=Status.RECEIVED)


def test_short() -> None:
    assert continued([entry(0)], entry(1), entry(2)) == [entry(0), entry(1), entry(2)]


def test_long() -> None:
    history: list[HistoryEntry] = []
    for number in range(HISTORY_KEPT + 10):
        history = continued(history, entry(number))
    assert len(history) == HISTORY_KEPT
    assert history[0] == entry(0)
    assert history[1:] == [entry(number) for number in range(11, HISTORY_KEPT + 10)]
