"""Sizes, rates and waits."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from services.classifier.settings import Settings as ClassifierSettings
from tools.checks.agreement.files import components, project
from tools.checks.agreement.services import SETTINGS
from tools.checks.bicep.syntax import property_of, text_of

# Dapr's exponential back-off: factor 1.5, and up to half as much again at random.
BACKOFF_FACTOR: Final = 1.5
BACKOFF_JITTER: Final = 1.5

NAME_LIMITS: Final = {
    "modules/storage.bicep": 24,
    "modules/vault.bicep": 24,
    "modules/registry.bicep": 50,
    "modules/service-bus.bicep": 50,
    "modules/cosmos.bicep": 44,
    "modules/search.bicep": 60,
    "modules/vision.bicep": 62,
    "modules/hosting.bicep": 60,
    "ingest.bicep": 32,
    "classifier.bicep": 32,
    "query.bicep": 32,
}
"""Azure's longest name of what each module creates; Vision appends its account's number."""

# What the parts of names come to at most; stack.bicep and apps.bicep make them.
NAME_PARTS: Final = {
    "short": "s" * 8,
    "take(short, 7)": "s" * 7,
    "prefix": "p" * 12,
    "token": "t" * 13,
    "i": "0",
    "ingestName": "ingest-" + "p" * 12,
    "queryName": "query-" + "p" * 12,
}


def check_sizes(root: Path) -> Iterator[str]:
    """All sizes have the same entries, those that Bicep asks for, and rates that fit Vision's."""
    sizes = {
        path.stem: json.loads(path.read_text(encoding="utf-8"))
        for path in sorted((root / "deploy" / "bicep" / "sizes").glob("*.json"))
    }
    shape = _shape(sizes["small"])
    for name, size in sizes.items():
        if _shape(size) != shape:
            yield f"sizes/{name}.json differs from small.json in {sorted(_shape(size) ^ shape)}"
            continue
        vision, classifier = size["vision"], size["classifier"]
        replica = float(classifier["callsPerSecondAndAccount"]) * 60 * vision["accounts"]
        if not 0.9 * classifier["callsPerMinute"] <= replica <= classifier["callsPerMinute"]:
            yield f"sizes/{name}.json: {replica:g} calls a minute are set, {classifier['callsPerMinute']} counted on"
        if classifier["callsPerMinute"] > vision["accounts"] * vision["callsPerMinute"]:
            yield f"sizes/{name}.json: one replica alone is more than Vision answers"
        for service in SETTINGS:
            cpu, memory = float(size[service]["cpu"]), size[service]["memory"]
            if memory != f"{cpu * 2:g}Gi":
                yield f"sizes/{name}.json: {service} with {cpu:g} cores must have {cpu * 2:g}Gi, not {memory}"
    used = {
        match
        for path in sorted((root / "deploy" / "bicep").glob("*.bicep"))
        for match in re.findall(r"\bsizing\.(\w+(?:\.\w+)?)", path.read_text(encoding="utf-8"))
    }
    entries = shape | {entry.partition(".")[2] for entry in shape} | set(sizes["small"])
    for missing in sorted(used - entries):
        yield f"Bicep asks for sizing.{missing}, which the sizes have not"


def check_size_names(root: Path) -> Iterator[str]:
    """Every size may be chosen, is loaded, and stands in the guide; and no other."""
    bicep = root / "deploy" / "bicep"
    sizes = {path.stem for path in (bicep / "sizes").glob("*.json")}
    main, stack, guide = (
        path.read_text(encoding="utf-8")
        for path in (bicep / "main.bicep", bicep / "stack.bicep", root / "docs" / "deploy-azure.md")
    )
    allowed = re.search(r"@allowed\(\[([^\]]*)\]\)\n(?:@.*\n)*param size ", main)
    if allowed is None or set(re.findall(r"'(\w+)'", allowed[1])) != sizes:
        yield f"main.bicep: the sizes to choose from must be {', '.join(sorted(sizes))}"
    if set(re.findall(r"(\w+): loadJsonContent\('sizes/(\w+)\.json'\)", stack)) != {
        (name, name) for name in sizes
    }:
        yield f"stack.bicep: the sizes loaded, each by its name, must be {', '.join(sorted(sizes))}"
    row = re.search(r"^\| `CLAIMLENS_SIZE` \| `small` \| ((?:`\w+`(?:, )?)+)", guide, re.MULTILINE)
    if row is None or set(re.findall(r"`(\w+)`", row[1])) != sizes:
        yield f"docs/deploy-azure.md: the sizes of CLAIMLENS_SIZE must be {', '.join(sorted(sizes))}"


def _shape(size: dict[str, Any]) -> set[str]:
    return {
        entry
        for key, value in size.items()
        for entry in ([f"{key}.{inner}" for inner in value] if isinstance(value, dict) else [key])
    }


def check_waits(root: Path) -> Iterator[str]:
    """The waiting between retries ends before Dapr gives a handler up, and locks are renewed before they end."""
    events = {
        entry["name"]: entry["value"]
        for entry in components(root / "components" / "azure")["image-events"]["spec"]["metadata"]
    }
    policy = components(root / "components" / "azure")["claimlens"]["spec"]
    used = policy["targets"]["components"]["image-events"]["inbound"]["retry"]
    retry = policy["policies"]["retries"][used]
    pause, longest = (float(retry[key].removesuffix("s")) for key in ("initialInterval", "maxInterval"))
    waiting = (
        sum(min(longest, pause * BACKOFF_FACTOR**n) for n in range(retry["maxRetries"])) * BACKOFF_JITTER
    )
    settings = ClassifierSettings()
    calls = (retry["maxRetries"] + 1) * (settings.vision_timeout_s + settings.engine_max_wait_s)
    if waiting + calls > float(events["handlerTimeoutInSec"]):
        yield f"retries of image-events take up to {waiting + calls:.0f} s, handlerTimeoutInSec is shorter"
    bus = (root / "deploy" / "bicep" / "modules" / "service-bus.bicep").read_text(encoding="utf-8")
    lock = re.search(r"lockDuration = 'PT(\d+)M'", bus)
    if lock is None or int(lock[1]) * 60 < 2 * float(events["lockRenewalInSec"]):
        yield "locks must last twice as long as lockRenewalInSec"


def check_names(root: Path) -> Iterator[str]:
    """No name is longer than Azure allows, with the longest name of a deployment."""
    for known in project(root).known.values():
        for module in known.of("module"):
            limit = NAME_LIMITS.get(module.target)
            params = property_of(module.value, "params")
            node = property_of(params, "name") or property_of(params, "prefix")
            if limit is None or node is None:
                continue
            written = text_of(node).strip("'")
            name = re.sub(r"\$\{([^}]+)\}", lambda part: NAME_PARTS.get(part[1], "?" * 99), written)
            if len(name) > limit:
                yield f"{known.path.name}: {written} may have {len(name)} characters, {limit} are allowed"
