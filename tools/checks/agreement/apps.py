"""Components, settings, ports and limits of the three services."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from services.contracts.names import AppId
from services.ingest.settings import VISION_MAX_BYTES
from services.platform.serve import GRACE_S
from tools.checks.agreement.files import components, load, project
from tools.checks.agreement.services import SETTINGS
from tools.checks.bicep.syntax import literal, property_of, walk


def check_components(root: Path) -> Iterator[str]:
    """The same components under the same names as on one machine, for no more apps than there."""
    bicep = root / "deploy" / "bicep" / "modules"
    loaded = {
        name
        for path in bicep.glob("dapr-*.bicep")
        for name in re.findall(r"components/azure/([\w-]+\.yaml)'\)", path.read_text(encoding="utf-8"))
    }
    there = {path.name for path in (root / "components" / "azure").glob("*.yaml")}
    if loaded != there:
        yield f"Bicep loads {sorted(loaded)}, components/azure has {sorted(there)}"
    local, azure = (components(root / "components" / folder) for folder in ("local", "azure"))
    if set(local) != set(azure):
        yield f"components on Azure are {sorted(azure)}, on one machine {sorted(local)}"
    for name in sorted(set(local) & set(azure)):
        kinds = [str(side[name]["spec"].get("type", "")).partition(".")[0] for side in (local, azure)]
        if kinds[0] != kinds[1]:
            yield f"{name}: {kinds[1]} on Azure, {kinds[0]} on one machine"
        scopes, wanted = set(azure[name].get("scopes", [])), set(local[name].get("scopes", []))
        # The classifier has no callers, and so no keys to read: on Azure it is not let near them.
        wanted -= {"classifier"} if name == "secrets" else set()
        if scopes != wanted:
            yield f"{name}: scopes on Azure are {sorted(scopes)}, wanted are {sorted(wanted)}"


def check_settings(root: Path) -> Iterator[str]:
    """Each app's variables are settings of its service, and what is written out is a value that they take."""
    for service, settings in SETTINGS.items():
        values: dict[str, Any] = {}
        for name, value in _variables(root, service).items():
            field = name.removeprefix("CLAIMLENS_").lower()
            if name == "AZURE_CLIENT_ID":
                continue
            if not name.startswith("CLAIMLENS_") or field not in settings.model_fields:
                yield f"{service}.bicep: {name} is no setting of {service}"
            elif value is not None:
                values[field] = value
        try:
            settings(**values)
        except ValueError as error:
            yield f"{service}.bicep: {error}"


def _variables(root: Path, service: str) -> dict[str, str | None]:
    """Name → value, None where it is computed."""
    source = project(root).sources[(root / "deploy" / "bicep" / f"{service}.bicep").resolve()]
    found: dict[str, str | None] = {}
    for node in walk(source.root):
        name = literal(property_of(node, "name")) if node.type == "object" else None
        if name and name.isupper() and (property_of(node, "value") or property_of(node, "secretRef")):
            found[name] = literal(property_of(node, "value"))
    return found


def check_ports(root: Path) -> Iterator[str]:
    """The ports of dapr.yaml, and every app of it."""
    apps = {app["appID"]: app["appPort"] for app in load(root / "dapr.yaml")["apps"]}
    if set(apps) != set(AppId):
        yield f"dapr.yaml has the apps {sorted(apps)}"
    for service, port in apps.items():
        text = (root / "deploy" / "bicep" / f"{service}.bicep").read_text(encoding="utf-8")
        for pattern in (r"port: (\d+)", r"'CLAIMLENS_PORT', value: '(\d+)'"):
            if re.findall(pattern, text) != [str(port)]:
                yield f"{service}.bicep: the port is not dapr.yaml's {port}"
        if f"service: '{service}'" not in text:
            yield f"{service}.bicep: the app's id is not {service}"
    declared = set(load(root / "azure.yaml")["services"])
    if declared != set(apps):
        yield f"azure.yaml has the services {sorted(declared)}"


def check_limits(root: Path) -> Iterator[str]:
    """A picture of the greatest size passes the sidecar; requests in flight have the time that they are promised."""
    bicep = root / "deploy" / "bicep"
    size = re.search(
        r"httpMaxRequestSize: (\d+)", (bicep / "modules" / "app.bicep").read_text(encoding="utf-8")
    )
    if size is None or int(size[1]) * 2**20 < VISION_MAX_BYTES * 1.1:
        yield f"app.bicep: httpMaxRequestSize must let {VISION_MAX_BYTES} bytes through, and some more"
    for service in SETTINGS:
        grace = re.search(r"graceSeconds: (\d+)", (bicep / f"{service}.bicep").read_text(encoding="utf-8"))
        # After the app's own end the sidecar needs some seconds for its.
        if grace is None or int(grace[1]) < GRACE_S + 10:
            yield f"{service}.bicep: graceSeconds must be {GRACE_S + 10} or more: the app takes up to {GRACE_S}"
