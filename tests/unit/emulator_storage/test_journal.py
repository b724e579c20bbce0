"""The journal: what is in it survives, and what is done is gone."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from emulators.storage.blobs import Blob, BlobWrite
from emulators.storage.errors import DataInUseError
from emulators.storage.journal import Journal

WRITE = BlobWrite("PutBlob", Blob("images", "a/ü.jpg"))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "journal.sqlite"


@pytest.fixture
def journal(path: Path) -> Iterator[Journal]:
    opened = Journal(path)
    yield opened
    opened.close()


def test_a_recorded_intent_becomes_an_event(journal: Journal) -> None:
    intent = journal.begin(WRITE, None)
    assert (journal.open_intents(), journal.doubtful()) == (1, [])
    journal.record(intent, {"id": "1"}, 1)
    assert journal.open_intents() == 0
    assert [pending.event for pending in journal.pending(10)] == [b'{"id":"1"}']
    assert journal.depth()[0] == 1


def test_sent_events_are_gone(journal: Journal) -> None:
    for number in range(3):
        journal.record(journal.begin(WRITE, None), {"id": number}, number)
    first, second = journal.pending(2)
    journal.sent([first.id, second.id])
    assert journal.waiting_events() == [{"id": 2}]
    assert journal.depth()[0] == 1


def test_a_postponed_event_lets_the_others_pass(journal: Journal) -> None:
    for number in range(2):
        journal.record(journal.begin(WRITE, None), {"id": number}, number)
    journal.postpone(journal.pending(1)[0].id, 60)
    assert [pending.event for pending in journal.pending(10)] == [b'{"id":1}']
    assert journal.depth()[0] == 2


def test_intents_of_an_earlier_process_are_in_doubt(path: Path) -> None:
    before = Journal(path)
    before.record(before.begin(WRITE, None), {"id": "done"}, before.next_sequence())
    before.drop(before.begin(WRITE, None))
    before.begin(WRITE, "client")
    before.close()
    after = Journal(path)
    (intent,) = after.doubtful()
    assert (intent.write, intent.client_request_id) == (WRITE, "client")
    assert after.waiting_events() == [{"id": "done"}]
    after.close()


def test_doubt_during_a_run(journal: Journal) -> None:
    intents = [journal.begin(WRITE, None) for _ in range(2)]
    journal.doubt(intents[1])
    assert [intent.id for intent in journal.doubtful()] == intents[1:]


def test_the_sequence_goes_on_after_a_restart(path: Path) -> None:
    before = Journal(path)
    numbers = [before.next_sequence() for _ in range(3)]
    before.record(before.begin(WRITE, None), {}, numbers[2])
    before.record(before.begin(WRITE, None), {}, numbers[1])
    before.sent(pending.id for pending in before.pending(10))
    before.close()
    after = Journal(path)
    assert after.next_sequence() > max(numbers)
    after.close()


@pytest.mark.usefixtures("journal")
def test_one_process_at_a_time(path: Path) -> None:
    with pytest.raises(DataInUseError, match="is in use by another storage emulator"):
        Journal(path)
