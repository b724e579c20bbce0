"""Settings, and the engines that they name."""

from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from services.classifier.adapters.engine import EngineContext
from services.classifier.engines import BadEngine, build_engines
from services.classifier.metrics import ClassifierMetrics
from services.classifier.settings import EngineSettings, Settings


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        ({"kind": "crystal-ball"}, "no engine of the kind 'crystal-ball'"),
        ({"kind": "http", "name": "own"}, "url: Field required"),
        ({"kind": "custom-vision", "endpoint": "https://x"}, "project: Field required"),
        ({"kind": "http", "name": "own", "url": "http://x", "typo": 1}, "typo"),
        ({"kind": "azure-ai-vision", "typo": 1}, "typo"),
    ],
)
def test_wrong_entries_say_what_is_wrong(entry: dict[str, Any], why: str) -> None:
    context = EngineContext(Settings(), ClassifierMetrics(CollectorRegistry()))
    with pytest.raises(BadEngine, match=why):
        build_engines([EngineSettings(**entry)], context)


@pytest.mark.parametrize("kind", ["../main", "os.path", "", "A"])
def test_a_kind_is_a_plain_word(kind: str) -> None:
    with pytest.raises(ValueError, match="pattern"):
        EngineSettings(kind=kind)


def test_names_are_told_apart() -> None:
    context = EngineContext(Settings(), ClassifierMetrics(CollectorRegistry()))
    entries = [EngineSettings.model_validate({"kind": "http", "name": "own", "url": "http://x"})] * 2
    with pytest.raises(BadEngine, match="'own'"):
        build_engines(entries, context)


def test_settings_read_engines_and_accounts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(
        "CLAIMLENS_ENGINES",
        '[{"kind": "azure-ai-vision"}, {"kind": "http", "name": "own", "url": "http://x"}]',
    )
    monkeypatch.setenv(
        "CLAIMLENS_VISION_ACCOUNTS",
        '[{"endpoint": "https://east.test", "key": "k", "calls_per_s": 20},'
        ' {"endpoint": "https://west.test", "key": "k"}]',
    )
    monkeypatch.setenv("CLAIMLENS_VISION_FEATURES", "tags, read,smartCrops")
    monkeypatch.setenv("CLAIMLENS_VISION_SMART_CROPS_ASPECT_RATIOS", "0.9,1.5")
    settings = Settings()
    assert [entry.kind for entry in settings.engines] == ["azure-ai-vision", "http"]
    assert [account.calls_per_s for account in settings.vision_accounts] == [20, None]
    assert settings.vision_features == ("tags", "read", "smartCrops")
    assert settings.vision_smart_crops_aspect_ratios == (0.9, 1.5)
    assert "k" not in repr(settings.vision_accounts[0].key)
    context = EngineContext(settings, ClassifierMetrics(CollectorRegistry()))
    assert [engine.engine for engine in build_engines(settings.engines, context)] == [
        "azure-ai-vision",
        "own",
    ]


@pytest.mark.parametrize("features", ["", "tags,faces"])
def test_unknown_features_are_refused(monkeypatch: pytest.MonkeyPatch, features: str) -> None:
    monkeypatch.setenv("CLAIMLENS_VISION_FEATURES", features)
    with pytest.raises(ValueError, match="vision_features"):
        Settings()


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"image_link": "user_delegation"}, "storage_account_url"),
        ({"claim_ttl_s": 30}, "at least 40"),
        ({"engines": []}, "at least 1"),
        ({"lanes": 0}, "lanes"),
    ],
)
def test_settings_that_cannot_work_are_refused(settings: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        Settings(**settings)
