"""Ports, flags, settings and versions: the same as in dapr.yaml, in the services' settings and under `make run`."""

import json
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import yaml

from tools.checks.compose.model import ROOT, Compose, environment, options, volumes
from tools.setup.locations import DAPRD_VERSION
from tools.stack.programs import emulators_and_component
from tools.stack.settings import Ports, StackSettings

DAPR_FLAGS = {
    "app-id": "appID",
    "app-port": "appPort",
    "dapr-http-port": "daprHTTPPort",
    "dapr-grpc-port": "daprGRPCPort",
    "metrics-port": "metricsPort",
    "app-protocol": "appProtocol",
    "max-body-size": "maxBodySize",
}
"""daprd's flag → the key in dapr.yaml."""

ELSEWHERE = {"host", "data", "config", "azurite-port", "azurite-url", "model"}
"""Options of an emulator that a container may have otherwise than a process of `make run`."""


def agreement_faults(compose: Compose) -> list[str]:
    return [
        *_sidecars(compose),
        *_services(compose),
        *_emulators(compose),
        *_ports(compose),
        *_versions(compose),
    ]


def _apps() -> dict[str, dict[str, Any]]:
    document = yaml.safe_load((ROOT / "dapr.yaml").read_text(encoding="utf-8"))
    return {app["appID"]: {**document["common"], **app} for app in document["apps"]}


def _sidecars(compose: Compose) -> Iterator[str]:
    for app_id, app in _apps().items():
        name = f"{app_id}-dapr"
        sidecar = compose["services"].get(name)
        if sidecar is None:
            yield f"{name}: missing, though dapr.yaml has the app"
            continue
        flags = options(sidecar["command"])
        for flag, key in DAPR_FLAGS.items():
            if flags.get(flag) != str(app[key]):
                yield f"{name}: --{flag} is {flags.get(flag)}, in dapr.yaml {app[key]}"
        if sidecar["network_mode"] != compose["services"][app_id]["network_mode"]:
            yield f"{name}: not in the network of {app_id}"
        here, component = volumes(sidecar), volumes(compose["services"]["component"])
        sockets = "/tmp/dapr-components-sockets"
        if here.get(sockets) is None or here.get(sockets) != component.get(sockets):
            yield f"{name}: does not share {sockets} with the component"


def _services(compose: Compose) -> Iterator[str]:
    for app_id, app in _apps().items():
        given = environment(compose["services"][app_id])
        fields = _settings(app_id)
        for variable, value in app.get("env", {}).items():
            if given.get(variable) != value:
                yield f"{app_id}: {variable} is {given.get(variable)}, in dapr.yaml {value}"
        for variable in given:
            if (
                variable.startswith("CLAIMLENS_")
                and variable.lower().removeprefix("claimlens_") not in fields
            ):
                # Shared by all three: at least one of them must know it.
                if any(variable.lower().removeprefix("claimlens_") in _settings(other) for other in _apps()):
                    continue
                yield f"{app_id}: no setting is called {variable}"
        for variable, key in (("DAPR_HTTP_PORT", "daprHTTPPort"), ("DAPR_GRPC_PORT", "daprGRPCPort")):
            if given.get(variable) != str(app[key]):
                yield f"{app_id}: {variable} is {given.get(variable)}, its sidecar listens on {app[key]}"
        arguments = compose["services"][app_id]["build"]["args"]
        if arguments != {"SERVICE": app_id}:
            yield f"{app_id}: built with {arguments}"


def _settings(app_id: str) -> set[str]:
    return set(import_module(f"services.{app_id}.settings").Settings.model_fields)


def _emulators(compose: Compose) -> Iterator[str]:
    for program in emulators_and_component(StackSettings(), "sockets"):
        service = compose["services"].get(program.name)
        if service is None:
            yield f"{program.name}: missing, though `make run` starts it"
            continue
        wanted = options(program.argv)
        if program.name == "component":
            if environment(service).get("EVENTGRID_PUBSUB_HTTP_PORT") != wanted["http-port"]:
                yield f"component: its port is not {wanted['http-port']}"
            continue
        given = options(service["command"])
        for option in (wanted.keys() | given.keys()) - ELSEWHERE:
            if wanted.get(option) != given.get(option):
                yield f"{program.name}: --{option} is {given.get(option)}, under `make run` {wanted.get(option)}"
        if environment(service).get("PORT") != wanted["port"]:
            yield f"{program.name}: its health check asks port {environment(service).get('PORT')}"
    azurite, storage = (options(compose["services"][name]["command"]) for name in ("azurite", "storage"))
    if storage["azurite-url"] != f"http://127.0.0.1:{azurite['blobPort']}":
        yield f"storage: --azurite-url is {storage['azurite-url']}, Azurite listens on {azurite['blobPort']}"


def _ports(compose: Compose) -> Iterator[str]:
    published = {entry.split(":")[-1] for entry in compose["services"]["pod"]["ports"]}
    for entry in compose["services"]["pod"]["ports"]:
        if not entry.startswith("127.0.0.1:") or len(set(entry.split(":")[1:])) != 1:
            yield f"pod: {entry} is not the same port on this machine's loopback"
    for name in ("ingest", "query", "storage"):
        if str(getattr(Ports(), name)) not in published:
            yield f"pod: the port of {name} ({getattr(Ports(), name)}) is not published"


def _versions(compose: Compose) -> Iterator[str]:
    azurite = json.loads((ROOT / "tools" / "azurite" / "package.json").read_text())["dependencies"]["azurite"]
    wanted = {"daprio/daprd": DAPRD_VERSION, "mcr.microsoft.com/azure-storage/azurite": azurite}
    for name, service in compose["services"].items():
        image, _, version = service["image"].partition(":")
        if image in wanted and version != wanted[image]:
            yield f"{name}: {image} {version}, elsewhere {wanted[image]}"
