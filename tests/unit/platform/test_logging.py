"""Log lines: one shape for ours and for the libraries', with what is bound."""

import json
import logging
from collections.abc import Iterator
from typing import Literal

import pytest
import structlog

from services.platform.logging import configure_logging
from services.platform.settings import ServiceSettings


@pytest.fixture(autouse=True)
def untouched_logging() -> Iterator[None]:
    """What configure_logging changes for the whole process is put back."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("ingest", ServiceSettings(port=1, log_format="json"))
    with structlog.contextvars.bound_contextvars(trace_id="t", image_id="i"):
        structlog.get_logger("ours").info("picture accepted", size=3)
        logging.getLogger("theirs").warning("plain %s", "text")
    ours, theirs = lines(capsys)
    assert ours["event"] == "picture accepted"
    assert ours["size"] == 3
    assert ours["level"] == "info"
    assert theirs["event"] == "plain text"
    assert theirs["logger"] == "theirs"
    for line in (ours, theirs):
        assert (line["service"], line["trace_id"], line["image_id"]) == ("ingest", "t", "i")
        assert str(line["timestamp"]).endswith("Z")


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_tracebacks_tell_no_values(
    capsys: pytest.CaptureFixture[str], log_format: Literal["json", "console"]
) -> None:
    configure_logging("ingest", ServiceSettings(port=1, log_format=log_format))

    def fail() -> None:
        api_key = "se" + "cret"
        raise KeyError(len(api_key))

    try:
        fail()
    except KeyError as error:
        structlog.get_logger().error("broken", exc_info=error)
    text = capsys.readouterr().out
    assert "KeyError" in text
    assert "secret" not in text
    if log_format == "json":
        assert json.loads(text)["exception"]


def test_level_and_noise(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("ingest", ServiceSettings(port=1, log_format="json", log_level="warning"))
    structlog.get_logger("ours").info("too quiet")
    logging.getLogger("httpx").info("noise")
    logging.getLogger("httpx").warning("trouble")
    assert [line["event"] for line in lines(capsys)] == ["trouble"]


def test_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("ingest", ServiceSettings(port=1))
    structlog.get_logger("ours").info("picture accepted", size=3)
    text = capsys.readouterr().out
    assert "picture accepted" in text
    assert "size=3" in text
