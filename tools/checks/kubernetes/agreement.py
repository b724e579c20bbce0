"""Names, ports, topics, settings: as in dapr.yaml, the component files, the services' settings and `make run`."""

import os
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import yaml

from services.contracts.names import AppId, Component
from tools.checks.component_metadata import check_component
from tools.checks.compose.model import load, options
from tools.checks.kubernetes.model import (
    Resource,
    Resources,
    containers,
    environment,
    injected,
    label,
    metadata,
    of_kind,
    pods,
)
from tools.setup.locations import ROOT

ANNOTATIONS = {
    "dapr.io/app-id": "appID",
    "dapr.io/app-port": "appPort",
    "dapr.io/app-protocol": "appProtocol",
    "dapr.io/max-body-size": "maxBodySize",
}
"""Annotation → the key in dapr.yaml."""

PLACES = ("endpoint", "generation", "connectionString")
"""Metadata that says where something is."""

EMULATORS = ("storage", "event-grid", "vision")
ELSEWHERE = {"host", "azurite-url", "public-url", "event-grid", "data"}
"""Options of an emulator that a pod may have otherwise than a container of compose."""


def agreement_faults(resources: Resources) -> Iterator[str]:
    yield from _apps(resources)
    yield from _components(resources)
    yield from _policies(resources)
    yield from _emulators(resources)
    yield from _images(resources)


def _apps(resources: Resources) -> Iterator[str]:
    document = yaml.safe_load((ROOT / "dapr.yaml").read_text(encoding="utf-8"))
    deployments = of_kind(resources, "Deployment")
    for app in ({**document["common"], **entry} for entry in document["apps"]):
        name = app["appID"]
        if name not in deployments:
            yield f"Deployment {name}: missing, though dapr.yaml has the app"
            continue
        template = deployments[name]["spec"]["template"]
        annotations = template["metadata"]["annotations"]
        for annotation, key in ANNOTATIONS.items():
            if annotations.get(annotation) != str(app[key]):
                yield f"{name}: {annotation} is {annotations.get(annotation)}, in dapr.yaml {app[key]}"
        for annotation, value in (
            ("dapr.io/enabled", "true"),
            ("dapr.io/inject-pluggable-components", "true"),
            ("dapr.io/enable-native-sidecar", "false"),
        ):
            if annotations.get(annotation) != value:
                yield f"{name}: {annotation} is not {value}"
        if annotations.get("dapr.io/config") not in of_kind(resources, "Configuration"):
            yield f"{name}: dapr.io/config names no Configuration"
        yield from _settings(name, app, template)


def _settings(name: str, app: dict[str, Any], template: Resource) -> Iterator[str]:
    container = next((one for one in template["spec"]["containers"] if one["name"] == name), None)
    if container is None:
        yield f"{name}: no container of that name"
        return
    given = environment(container)
    if given.get("CLAIMLENS_PORT") != str(app["appPort"]):
        yield f"{name}: CLAIMLENS_PORT is {given.get('CLAIMLENS_PORT')}, in dapr.yaml {app['appPort']}"
    if [port["containerPort"] for port in container["ports"]] != [app["appPort"]]:
        yield f"{name}: its container's port is not {app['appPort']}"
    settings = import_module(f"services.{name}.settings").Settings
    for variable, value in given.items():
        if not variable.startswith("CLAIMLENS_"):
            continue
        if variable.removeprefix("CLAIMLENS_").lower() not in settings.model_fields:
            yield f"{name}: no setting is called {variable}"
        elif value == "":
            yield f"{name}: {variable} is empty"
    values = {variable: value for variable, value in given.items() if isinstance(value, str)}
    try:
        _with_environment(settings, values)
    except ValueError as error:
        yield f"{name}: its settings are refused: {error}"


def _with_environment(settings: Any, values: dict[str, str]) -> None:
    """Raises pydantic's ValueError."""
    before = {name: value for name, value in os.environ.items() if name.startswith("CLAIMLENS_")}
    for name in before:
        del os.environ[name]
    os.environ.update(values)
    try:
        settings()
    finally:
        for name in values:
            del os.environ[name]
        os.environ.update(before)


def _components(resources: Resources) -> Iterator[str]:
    found = of_kind(resources, "Component")
    wanted = {Component.IMAGES, Component.IMAGE_EVENTS, Component.IMAGE_RECORDS}
    if missing := wanted - found.keys():
        yield f"components: {', '.join(sorted(missing))} missing"
    if more := found.keys() - wanted:
        yield f"components: {', '.join(sorted(more))} known to no service"
    for name in sorted(wanted & found.keys()):
        component, local, azure = found[name], _file("local", name), _file("azure", name)
        yield from check_component(component)
        if sorted(component.get("scopes", [])) != sorted(local["scopes"]):
            yield f"{label(component)}: scopes are not those of components/local"
        given = metadata(component)
        # Where the type is the same, so is what does not depend on the place.
        for file in (one for one in (local, azure) if one["spec"]["type"] == component["spec"]["type"]):
            for key, value in metadata(file).items():
                fixed = isinstance(value, str) and "{" not in value and key not in PLACES
                if fixed and file is _same_place(component, local, azure) and given.get(key) != value:
                    yield f"{label(component)}: {key} is {given.get(key)}, elsewhere {value}"
    events = found.get(Component.IMAGE_EVENTS)
    if events and injected(events) is None:
        yield f"{label(events)}: Dapr is told of no container to inject"
    if events and "generation" not in metadata(events):
        yield f"{label(events)}: no generation to change when streams are to be opened anew"


def _same_place(component: Resource, local: Resource, azure: Resource) -> Resource:
    """The file to compare with: the emulators' has an endpoint, Azure's has none."""
    kind = component["spec"]["type"]
    if local["spec"]["type"] == kind and ("endpoint" in metadata(component) or azure["spec"]["type"] != kind):
        return local
    return azure


def _file(folder: str, name: str) -> Resource:
    document: Resource = yaml.safe_load((ROOT / "components" / folder / f"{name}.yaml").read_text("utf-8"))
    return document


def _policies(resources: Resources) -> Iterator[str]:
    for kind, path in (("Resiliency", "local/resiliency.yaml"), ("Configuration", "dapr-config.yaml")):
        there = yaml.safe_load((ROOT / "components" / path).read_text(encoding="utf-8"))
        here = of_kind(resources, kind).get(there["metadata"]["name"])
        if here is None:
            yield f"{kind} {there['metadata']['name']}: missing"
        elif (here["spec"], here.get("scopes")) != (there["spec"], there.get("scopes")):
            yield f"{label(here)}: differs from components/{path}"


def _emulators(resources: Resources) -> Iterator[str]:
    compose = load()["services"]
    found = {
        container["name"]: container for _, template in pods(resources) for container in containers(template)
    }
    for name in (*EMULATORS, "azurite"):
        if name not in found:
            continue
        here, there = options(found[name]["command"]), options(compose[name]["command"])
        for option in (here.keys() | there.keys()) - ELSEWHERE:
            if here.get(option) != there.get(option):
                yield f"{name}: --{option} is {here.get(option)}, in compose {there.get(option)}"
        if name == "azurite" and found[name]["image"] != compose[name]["image"]:
            yield f"azurite: {found[name]['image']}, in compose {compose[name]['image']}"


def _images(resources: Resources) -> Iterator[str]:
    """One version of everything of ours, injected containers included."""
    versions = {
        container["image"].rpartition(":")[2]: container["image"]
        for _, template in pods(resources)
        for container in containers(template)
        if "claimlens-" in container["image"]
    }
    for component in of_kind(resources, "Component").values():
        if container := injected(component):
            versions[container["image"].rpartition(":")[2]] = container["image"]
    if len(versions) > 1:
        yield f"images: of several versions: {', '.join(sorted(versions.values()))}"
    apps = {str(app) for app in AppId}
    if {name for name in of_kind(resources, "Deployment") if name in apps} != apps:
        yield f"apps: not all of {', '.join(sorted(apps))}"
