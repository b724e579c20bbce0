"""The files that the checks compare."""

from pathlib import Path
from typing import Any

import yaml

from tools.checks.bicep.project import Project


def project(root: Path) -> Project:
    """Our Bicep."""
    return Project(root / "deploy" / "bicep" / "main.bicep")


def components(folder: Path) -> dict[str, dict[str, Any]]:
    """Component and resiliency files of a folder, by name."""
    documents = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.yaml"))]
    return {document["metadata"]["name"]: document for document in documents}


def load(path: Path) -> dict[str, Any]:
    """A YAML file."""
    document: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return document
