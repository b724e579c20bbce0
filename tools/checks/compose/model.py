"""What is read of a compose file, and how commands and environments are written in it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[3]
Compose = dict[str, Any]
Service = Mapping[str, Any]


def load(path: Path = ROOT / "docker-compose.yml") -> Compose:
    """The file with its anchors and merges carried out."""
    document: Compose = yaml.safe_load(path.read_text(encoding="utf-8"))
    return document


def environment(service: Service) -> dict[str, str]:
    """The variables that a service is given, whichever way they are written."""
    given = service.get("environment", {})
    if isinstance(given, list):
        return dict(entry.partition("=")[::2] for entry in given)
    return {name: str(value) for name, value in given.items()}


def options(command: Sequence[str]) -> dict[str, str]:
    """``--flag=value`` and ``--flag value`` of a command, without the dashes."""
    found: dict[str, str] = {}
    words = list(command)
    for index, word in enumerate(words):
        if not word.startswith("--"):
            continue
        name, equals, value = word[2:].partition("=")
        following = words[index + 1] if index + 1 < len(words) else "--"
        found[name] = value if equals else ("" if following.startswith("--") else following)
    return found


def volumes(service: Service) -> dict[str, str]:
    """Where → the named volume or path."""
    found = {}
    for entry in service.get("volumes", []):
        parts = [entry["source"], entry["target"]] if isinstance(entry, dict) else entry.split(":")
        found[parts[1]] = parts[0]
    return found
