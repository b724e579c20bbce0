"""The command line."""

from pathlib import Path

import pytest

from emulators.storage.settings import parse

LEAST = ("--data", "d", "--event-grid", "http://127.0.0.1:10010")


def test_defaults() -> None:
    settings = parse(LEAST)
    assert (settings.port, settings.azurite_port, settings.topic) == (10000, 10001, "blob-created")
    assert (settings.data, settings.containers) == (Path("d"), ("images",))
    assert settings.endpoint == "http://127.0.0.1:10000/devstoreaccount1"
    assert settings.upstream == "http://127.0.0.1:10001"
    assert settings.event_source.endswith("/storageAccounts/devstoreaccount1")


def test_everything_can_be_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLAIMLENS_AZURITE", "node 'my azurite/main.js'")
    settings = parse(
        (
            *LEAST,
            *(
                "--container",
                "a",
                "--container",
                "b",
                "--azurite-url",
                "http://there:1/",
                "--source",
                "/arm/id",
            ),
            *("--public-url", "https://blobs.example/", "--account", "me"),
        )
    )
    assert settings.containers == ("a", "b")
    assert settings.upstream == "http://there:1"
    assert settings.azurite_command == ("node", "my azurite/main.js")
    assert (settings.event_source, settings.endpoint) == ("/arm/id", "https://blobs.example/me")


def test_what_must_be_given(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parse(())
    assert ended.value.code == 2
    assert "--data" in capsys.readouterr().err
