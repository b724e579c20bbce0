"""Kubernetes' schemas for its kinds, ours for Dapr's; the injected container as part of a pod."""

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import kubernetes_validate  # type: ignore[import-untyped]
from jsonschema import Draft202012Validator

from tools.checks.kubernetes.model import Resource, Resources, injected, label, of_kind

VERSIONS = ("1.30", "1.37")
"""The oldest and the newest Kubernetes that the files are held against."""


def schema_faults(resources: Resources) -> Iterator[str]:
    for resource in resources:
        if str(resource.get("apiVersion", "")).startswith("dapr.io/"):
            yield from _dapr(resource)
        else:
            yield from _kubernetes(resource)
    for component in of_kind(resources, "Component").values():
        yield from _injected(component)


def _kubernetes(resource: Resource) -> Iterator[str]:
    for version in VERSIONS:
        if fault := _fault(json.dumps(resource), version):
            yield f"{label(resource)}: {fault} (Kubernetes {version})"


@cache
def _fault(resource: str, version: str) -> str:
    # Kept: the package reads its schemas, over a megabyte, anew each time.
    try:
        kubernetes_validate.validate(json.loads(resource), version, strict=True)
    except kubernetes_validate.ValidationError as error:
        return f"{'.'.join(map(str, error.path))}: {error.message}"
    except (kubernetes_validate.SchemaNotFoundError, KeyError) as error:
        return f"no such kind: {error}"
    return ""


def _dapr(resource: Resource) -> Iterator[str]:
    schema = _own()
    if resource["kind"] not in schema["$defs"]:
        yield f"{label(resource)}: Dapr has no such kind that our files use"
        return
    whole = {"$ref": f"#/$defs/{resource['kind']}", "$defs": schema["$defs"]}
    for error in Draft202012Validator(whole).iter_errors(resource):
        yield f"{label(resource)}: {'.'.join(map(str, error.absolute_path))}: {error.message}"


def _injected(component: Resource) -> Iterator[str]:
    """As Dapr's injector reads it: one container, in JSON."""
    try:
        container = injected(component)
    except ValueError as error:
        yield f"{label(component)}: its container is not JSON: {error}"
        return
    if container is not None:
        pod = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": f"injected-by-{component['metadata']['name']}"},
            "spec": {"containers": [container]},
        }
        yield from _kubernetes(pod)


@cache
def _own() -> dict[str, Any]:
    schema: dict[str, Any] = json.loads(Path(__file__).with_name("dapr.schema.json").read_text())
    return schema
