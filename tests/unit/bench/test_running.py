"""`python -m bench`, and the parts of bench.vision that need no model."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import httpx
import pytest

from bench.__main__ import BENCHES, Bench, run
from bench.vision.__main__ import goal
from bench.vision.answering import answering

ROOT = Path(__file__).resolve().parents[3]
ONE = Bench("one", "one.md", "")


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def test_every_bench_is_a_program() -> None:
    for bench in BENCHES:
        assert find_spec(f"bench.{bench.name}.__main__") is not None, bench.name


def test_a_missed_goal_is_told_and_is_no_failure(capsys: pytest.CaptureFixture[str]) -> None:
    outcome = run(ONE, command=python("print('| tags | 31 | ≤ 30 missed |'); print('nothing missed here')"))

    assert (outcome.code, outcome.missed) == (0, 1)
    assert "ran, 1 goal missed" in outcome.line()
    assert "31" in capsys.readouterr().out


def test_a_failure_is_told_with_its_code() -> None:
    outcome = run(ONE, command=python("raise SystemExit(3)"))

    assert outcome.code == 3
    assert "failed, exit code 3" in outcome.line()


def test_where_it_shall_be_written_is_passed_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(ONE, tmp_path, command=python("import sys; print(sys.argv[1:])"))

    assert f"['--write', '{tmp_path / 'one.md'}']" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--list"], 0, "capacity"),
        (["--only", "nothing"], 2, "invalid choice"),
        (["--write", "no/such/folder"], 2, "no such folder"),
    ],
)
def test_the_command_line(arguments: list[str], code: int, said: str) -> None:
    command = [sys.executable, "-m", "bench", *arguments]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)

    assert ran.returncode == code
    assert said in ran.stdout + ran.stderr


def test_a_goal_is_reached_or_missed() -> None:
    assert goal(30.0, 30.0) == "≤ 30 reached"
    assert goal(30.1, 30.0) == "≤ 30 missed"


def test_vision_answers_at_once_and_counts() -> None:
    with answering() as address, httpx.Client() as client:
        found = [client.post(f"{address}/analyze", json={"url": "x"}).json() for _ in range(3)]
        calls = client.get(f"{address}/calls").text

    assert all("tagsResult" in each for each in found)
    assert calls == "3"
