"""What kustomize renders, and how to find one's way in it."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from tools.setup.kustomize import command
from tools.setup.locations import ROOT

Resource = dict[str, Any]
Resources = list[Resource]

FOLDER = ROOT / "deploy" / "kubernetes"
BASE = FOLDER / "base"
OVERLAYS = ("azure", "emulators")
CONTAINER_ANNOTATION = "dapr.io/component-container"
TIMEOUT_S = 60


class RenderError(Exception):
    """kustomize refuses a folder; its words."""


def rendered(folder: Path) -> Resources:
    """The resources of a folder with a kustomization.yaml. Raises RenderError, NotSetUp."""
    answer = subprocess.run(
        [*command(), str(folder)], capture_output=True, text=True, timeout=TIMEOUT_S, check=False
    )
    if answer.returncode:
        raise RenderError(answer.stderr)
    return [document for document in yaml.safe_load_all(answer.stdout) if document]


def label(resource: Resource) -> str:
    return f"{resource.get('kind')} {resource.get('metadata', {}).get('name')}"


def of_kind(resources: Resources, kind: str) -> dict[str, Resource]:
    """Name → resource."""
    return {one["metadata"]["name"]: one for one in resources if one.get("kind") == kind}


def pods(resources: Resources) -> Iterator[tuple[str, Resource]]:
    """Label of the deployment → its pod template."""
    for deployment in of_kind(resources, "Deployment").values():
        yield label(deployment), deployment["spec"]["template"]


def containers(template: Resource) -> list[Resource]:
    spec = template["spec"]
    return [*spec.get("initContainers", []), *spec["containers"]]


def environment(container: Resource) -> dict[str, Any]:
    """Name → value, or the reference where it comes from elsewhere."""
    return {entry["name"]: entry.get("value", entry.get("valueFrom")) for entry in container.get("env", [])}


def metadata(component: Resource) -> dict[str, Any]:
    """Name → value, or the reference to a secret."""
    entries = component["spec"].get("metadata", [])
    return {entry["name"]: entry.get("value", entry.get("secretKeyRef")) for entry in entries}


def injected(component: Resource) -> Resource | None:
    """The container that Dapr injects for a component; raises ValueError where it is not JSON."""
    text = component["metadata"].get("annotations", {}).get(CONTAINER_ANNOTATION)
    if text is None:
        return None
    container: Resource = json.loads(text)
    return container
