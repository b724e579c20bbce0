"""The order of steps, and what a failure does to the others."""

import io
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tools.setup.commands import Children
from tools.setup.errors import SetupError
from tools.setup.progress import Board
from tools.setup.runner import Runner
from tools.setup.work import Work


@dataclass
class Made:
    """A step that notes its name when it is made."""

    name: str
    notes: list[str]
    after: tuple[str, ...] = ()
    key: str = "1"
    does: Callable[[Work], None] = field(default=lambda _: None)

    def is_complete(self) -> bool:
        return self.name in self.notes

    def run(self, work: Work) -> None:
        self.does(work)
        self.notes.append(self.name)


pytestmark = pytest.mark.usefixtures("cache")


def fail(_: Work) -> None:
    raise SetupError("It broke.", "Mend it.")


def run(*steps: Made) -> tuple[dict[str, SetupError], str]:
    out = io.StringIO()
    with Board([step.name for step in steps], out) as board:
        failures = Runner(steps, board, Children()).run()
    return failures, out.getvalue()


def test_a_step_waits_for_those_it_uses() -> None:
    notes: list[str] = []
    failures, _ = run(Made("model", notes, after=("environment",)), Made("environment", notes))
    assert failures == {}
    assert notes == ["environment", "model"]


def test_a_step_may_use_one_that_was_complete_before() -> None:
    notes: list[str] = []
    failures, _ = run(Made("model", notes, after=("environment",)))
    assert failures == {}
    assert notes == ["model"]


def test_a_failure_stops_what_uses_it_and_nothing_else() -> None:
    notes: list[str] = []
    failures, shown = run(
        Made("environment", notes, does=fail),
        Made("model", notes, after=("environment",)),
        Made("samples", notes),
    )
    assert str(failures["environment"]) == "It broke. Mend it."
    assert "environment failed" in str(failures["model"])
    assert notes == ["samples"]
    assert "✗ environment" in shown
    assert "✓ samples" in shown


def test_a_step_without_its_result_is_a_failure() -> None:
    class Hollow(Made):
        def is_complete(self) -> bool:
            return False

    failures, _ = run(Hollow("hollow", []))
    assert "without its result" in str(failures["hollow"])


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (OSError(28, "No space left on device"), "The disk is full"),
        (PermissionError(13, "Permission denied", "somewhere"), "No right to write"),
        (ZeroDivisionError("oops"), "fault of the set-up itself"),
    ],
)
def test_no_fault_becomes_a_traceback(fault: Exception, words: str) -> None:
    def does(_: Work) -> None:
        raise fault

    failures, _ = run(Made("broken", [], does=does))
    assert words in str(failures["broken"])


def test_scratch_is_empty_at_the_start_and_gone_at_the_end(cache: Path) -> None:
    seen: list[list[str]] = []
    scratch = cache / "tmp" / "made-1"
    scratch.mkdir(parents=True)
    (scratch / "left by a killed one").write_text("")

    def look(work: Work) -> None:
        seen.append([path.name for path in work.scratch.iterdir()])
        (work.scratch / "half").write_text("")

    failures, _ = run(Made("made", [], does=look))
    assert failures == {}
    assert seen == [[]]
    assert not scratch.exists()
