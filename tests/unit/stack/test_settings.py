"""Ports by name."""

import pytest

from tools.stack.settings import Ports


def test_ports_are_changed_by_name() -> None:
    ports = Ports().with_changes("query=9003, vision=9020")
    assert (ports.query, ports.vision, ports.ingest) == (9003, 9020, 8001)


@pytest.mark.parametrize("text", ["gallery=1", "query", "query=x"])
def test_a_wrong_port_says_what_is_allowed(text: str) -> None:
    with pytest.raises(ValueError, match="NAME one of ingest, classifier, query"):
        Ports().with_changes(text)
