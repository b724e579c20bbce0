"""The schema, references within the file, and hardening."""

import json
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import Any

from jsonschema.validators import validator_for

from tools.checks.compose.model import Compose, Service, volumes

OURS = ("claimlens-", "dapr-eventgrid-pubsub", "daprio/daprd")
"""Images that must run hardened; Azurite and the Cosmos emulator are Microsoft's and write where they will."""


def shape_faults(compose: Compose) -> list[str]:
    return [*_schema(compose), *_references(compose), *_hardening(compose)]


@cache
def _validator() -> Any:
    schema = json.loads(
        (files("check_jsonschema") / "builtin_schemas" / "vendor" / "compose-spec.json").read_text()
    )
    return validator_for(schema)(schema)


def _schema(compose: Compose) -> Iterator[str]:
    for error in _validator().iter_errors(compose):
        yield f"{'.'.join(map(str, error.absolute_path)) or 'compose'}: {error.message}"


def _references(compose: Compose) -> Iterator[str]:
    services: dict[str, Service] = compose["services"]
    for name, service in services.items():
        mode = service.get("network_mode", "")
        if mode.startswith("service:") and mode.removeprefix("service:") not in services:
            yield f"{name}: network_mode names no service: {mode}"
        for needed, how in _needs(service).items():
            if needed not in services:
                yield f"{name}: depends on {needed}, which there is not"
            elif how == "service_healthy" and not _has_health_check(services[needed]):
                yield f"{name}: waits for {needed} to be healthy, which has no health check"
        for source in volumes(service).values():
            if not source.startswith((".", "/")) and source not in compose.get("volumes", {}):
                yield f"{name}: volume {source} is not declared"
    cycle = _cycle(services)
    if cycle:
        yield f"{' → '.join(cycle)}: depend on each other in a circle"


def _needs(service: Service) -> dict[str, str]:
    needs = service.get("depends_on", {})
    if isinstance(needs, list):
        return dict.fromkeys(needs, "service_started")
    return {name: how["condition"] for name, how in needs.items()}


def _has_health_check(service: Service) -> bool:
    # Every Dockerfile of ours has one; test_images looks.
    return "healthcheck" in service or "build" in service


def _cycle(services: dict[str, Service]) -> list[str]:
    done: set[str] = set()

    def visit(name: str, path: list[str]) -> list[str]:
        if name in path:
            return [*path[path.index(name) :], name]
        if name in done or name not in services:
            return []
        for needed in _needs(services[name]):
            if found := visit(needed, [*path, name]):
                return found
        done.add(name)
        return []

    return next((found for name in services if (found := visit(name, []))), [])


def _hardening(compose: Compose) -> Iterator[str]:
    for name, service in compose["services"].items():
        image = service.get("image", "")
        if ":" not in image and "build" not in service:
            yield f"{name}: {image} has no version"
        if not image.startswith(OURS):
            continue
        if not service.get("read_only"):
            yield f"{name}: its root file system can be written to"
        if service.get("cap_drop") != ["ALL"]:
            yield f"{name}: keeps capabilities"
        if "no-new-privileges:true" not in service.get("security_opt", []):
            yield f"{name}: can gain privileges"
        if service.get("privileged") or service.get("user", "10001").startswith(("0", "root")):
            yield f"{name}: runs as root"
        if "ports" in service:
            yield f"{name}: publishes ports; they are the pod's"
