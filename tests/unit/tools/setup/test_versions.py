"""What counts as new enough."""

import pytest

from tools.setup.versions import at_least, parse


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("1.18.2", (1, 18, 2)),
        ("go version go1.26.8 linux/amd64", (1, 26, 8)),
        ("v20.20.2 /usr/bin/node", (20, 20, 2)),
        ("CLI version: 1.16.5 \nRuntime version: n/a", (1, 16, 5)),
        ("3.11", (3, 11, 0)),
        ("1.18.0-rc.1", None),
        ("go1.27rc1", None),
        ("edge", None),
        ("", None),
    ],
)
def test_parse(text: str, version: tuple[int, int, int] | None) -> None:
    assert parse(text) == version


@pytest.mark.parametrize(
    ("found", "minimum", "enough"),
    [
        ("1.18.0", "1.18.0", True),
        ("1.9.9", "1.18.0", False),
        ("1.18.10", "1.18.9", True),
        ("2.0.0", "1.18.0", True),
        ("1.18.0-rc.3", "1.18.0", False),
        ("edge", "1.18.0", False),
    ],
)
def test_at_least(found: str, minimum: str, enough: bool) -> None:
    assert at_least(found, minimum) is enough
