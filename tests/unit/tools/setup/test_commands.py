"""What a failed program's last words are turned into."""

import pytest

from tools.setup.errors import CommandFailed, NoCompiler, NoNetwork, NoSpace, SetupError
from tools.setup.work import Work


@pytest.mark.parametrize(
    ("last_words", "kind"),
    [
        ("dial tcp: lookup example.org: no such host", NoNetwork),
        ("dial tcp 192.0.2.1:443: i/o timeout", NoNetwork),
        ("npm error code ENOTFOUND", NoNetwork),
        ("npm error network request to example.org failed, reason: connect ECONNREFUSED", NoNetwork),
        ("  Caused by: dns error: failed to lookup address information", NoNetwork),
        ("NewConnectionError: Failed to establish a new connection", NoNetwork),
        ("write /x/y.a: no space left on device", NoSpace),
        ("npm error code ENOSPC", NoSpace),
        ("error: command 'gcc' failed: No such file or directory", NoCompiler),
        ("undefined: something", CommandFailed),
    ],
)
def test_last_words(work: Work, last_words: str, kind: type[SetupError]) -> None:
    with pytest.raises(kind) as caught:
        work.shell.run(
            ["sh", "-c", 'echo first; echo "$0"; exit 1', last_words], what="Fetching", cwd=work.scratch
        )
    assert type(caught.value) is kind
    assert "Fetching failed" in str(caught.value)
    assert last_words in str(caught.value)
    assert str(work.shell.log) in str(caught.value)


def test_a_program_that_is_not_there(work: Work) -> None:
    with pytest.raises(CommandFailed, match="cannot be started"):
        work.shell.run(["no-such-program"], what="Trying", cwd=work.scratch)


def test_a_program_that_hangs_is_ended(work: Work) -> None:
    with pytest.raises(CommandFailed, match="was not done after"):
        work.shell.run(["sleep", "600"], what="Waiting", cwd=work.scratch, timeout_s=0.2)


def test_lines_are_given_as_they_come_and_kept(work: Work) -> None:
    seen: list[str] = []
    lines = work.shell.run(
        ["sh", "-c", "echo one; echo two >&2"], what="Echo", cwd=work.scratch, on_line=seen.append
    )
    assert lines == seen == ["one", "two"]
