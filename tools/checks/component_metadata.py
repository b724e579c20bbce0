"""Dapr component files against what each component says of itself.

Dapr takes any metadata key and passes over those that a component does not know: a slip of the pen is a setting that
silently is not set. The keys of Dapr's own components are in component_metadata.json, taken from the pinned
components-contrib module; those of ours are read from its own metadata.yaml.

``python -m tools.checks.component_metadata [FILE…]``: prints faults, exit 1 if there are any.
``python -m tools.checks.component_metadata --refresh``: makes the table anew from the Go module cache.
"""

import argparse
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import yaml

from tools.setup.locations import DAPR_MODULES, ROOT

MODULE: Final = "github.com/dapr/components-contrib"
TABLE: Final = Path(__file__).with_name("component_metadata.json")
OWN: Final = ROOT / "components" / "eventgrid_pubsub" / "metadata.yaml"

TYPES: Final = (
    "bindings.azure.blobstorage",
    "pubsub.azure.servicebus.topics",
    "pubsub.in-memory",
    "pubsub.redis",
    "secretstores.azure.keyvault",
    "secretstores.kubernetes",
    "secretstores.local.env",
    "secretstores.local.file",
    "state.azure.cosmosdb",
    "state.in-memory",
    "state.postgresql",
    "state.redis",
    "state.sqlite",
)
"""What the table holds: the components that files of ours use, and their usual stand-ins."""

# daprd's own, whatever the component: pkg/components/state/state_config.go, pkg/runtime/pubsub/outbox.go,
# pkg/runtime/processor/binding/binding.go.
RUNTIME_KEYS: Final[dict[str, frozenset[str]]] = {
    "state": frozenset({"keyPrefix", "outboxPublishPubsub", "outboxPublishTopic", "outboxPubsub",
                        "outboxDiscardWhenMissingState"}),
    "pubsub": frozenset({"consumerID"}),
    "bindings": frozenset({"direction", "route"}),
    "secretstores": frozenset(),
}  # fmt: skip


def check_file(path: Path) -> list[str]:
    """Faults of every Component in a file; other kinds are passed over."""
    try:
        documents = list(yaml.safe_load_all(path.read_text(encoding="utf-8")))
    except (OSError, yaml.YAMLError) as error:
        return [f"{path}: {error}"]
    return [
        f"{path}: {fault}"
        for document in documents
        if _is_dapr(document)
        for fault in check_component(document)
    ]


def _is_dapr(document: Any) -> bool:
    # Kustomize has components too.
    return (
        isinstance(document, dict)
        and document.get("kind") == "Component"
        and str(document.get("apiVersion")).startswith("dapr.io/")
    )


def check_component(document: dict[str, Any]) -> Iterator[str]:
    """What is wrong with one component."""
    spec = document.get("spec") or {}
    kind = str(spec.get("type"))
    name = (document.get("metadata") or {}).get("name", "?")
    known = known_components().get(kind)
    if known is None:
        yield f"{name}: {kind} is not in the table of component types"
        return
    if str(spec.get("version")) not in known["versions"]:
        yield f"{name}: {kind} has no version {spec.get('version')}"
    if not document.get("scopes"):
        yield f"{name}: without scopes every app loads it"
    yield from _check_keys(name, kind, known, spec.get("metadata") or [])


def _check_keys(name: str, kind: str, known: dict[str, Any], entries: list[dict[str, Any]]) -> Iterator[str]:
    profiles: list[dict[str, Any]] = known["profiles"]
    keys = {**known["keys"], **{key: rule for profile in profiles for key, rule in profile.items()}}
    keys |= {key: {} for key in RUNTIME_KEYS.get(kind.partition(".")[0], frozenset())}
    given = [str(entry.get("name")) for entry in entries]
    for key in sorted(set(given)):
        if given.count(key) > 1:
            yield f"{name}: `{key}` is given twice"
        if key not in keys:
            yield f"{name}: {kind} knows no `{key}`"
    for entry in entries:
        yield from _check_value(name, entry, keys.get(str(entry.get("name")), {}))
    for key, rule in known["keys"].items():
        if rule.get("required") and key not in given:
            yield f"{name}: {kind} needs `{key}`"
    if profiles and not any(_satisfied(profile, given) for profile in profiles):
        wanted = " or ".join(
            "+".join(k for k, r in profile.items() if r.get("required")) or "none" for profile in profiles
        )
        yield f"{name}: {kind} has no way to sign in: it needs {wanted}"


def _satisfied(profile: dict[str, Any], given: list[str]) -> bool:
    return all(key in given for key, rule in profile.items() if rule.get("required"))


def _check_value(name: str, entry: dict[str, Any], rule: dict[str, Any]) -> Iterator[str]:
    key, value = entry.get("name"), entry.get("value")
    if value is None:
        if rule.get("required") and not entry.get("secretKeyRef"):
            yield f"{name}: `{key}` has neither value nor secretKeyRef"
        return
    if rule.get("sensitive"):
        yield f"{name}: `{key}` is a secret: it wants a secretKeyRef"
    if not isinstance(value, str):
        yield f"{name}: `{key}` must be a string, in quotes"
        return
    if value.startswith("{"):
        return
    if rule.get("type") == "number" and not re.fullmatch(r"-?\d+(\.\d+)?", value):
        yield f"{name}: `{key}` must be a number, not {value!r}"
    if rule.get("type") == "bool" and value not in ("true", "false"):
        yield f"{name}: `{key}` must be true or false, not {value!r}"
    if rule.get("allowed") and value not in rule["allowed"]:
        yield f"{name}: `{key}` must be one of {', '.join(rule['allowed'])}"


def known_components() -> dict[str, dict[str, Any]]:
    """By type: keys, authentication profiles (one of which must be satisfied) and versions."""
    table = json.loads(TABLE.read_text(encoding="utf-8"))
    found: dict[str, dict[str, Any]] = dict(table["components"])
    if OWN.exists():
        own = yaml.safe_load(OWN.read_text(encoding="utf-8"))
        found[f"{own['type']}.{own['name']}"] = _entry(own, table["builtinProfiles"])
    return found


def pinned_version() -> str:
    """The version of components-contrib that our daprd is built with."""
    found = re.search(rf"{re.escape(MODULE)} (v\S+)", (DAPR_MODULES / "go.mod").read_text(encoding="utf-8"))
    if found is None:
        raise LookupError(f"{DAPR_MODULES / 'go.mod'} does not name {MODULE}")
    return found[1]


def refresh(module: Path) -> dict[str, Any]:
    """The table, from an unpacked module."""
    builtin = {"azuread": _azure_identity_keys(module / "common/authentication/azure/metadata-properties.go")}
    components: dict[str, Any] = {}
    for path in sorted(module.glob("*/**/metadata.yaml")):
        # One of them has a tab at the end of a line.
        own = yaml.safe_load(path.read_text(encoding="utf-8").replace("\t", " "))
        if not isinstance(own, dict) or own.get("schemaVersion") != "v1":
            continue
        kind = f"{own['type']}.{own['name']}"
        if kind not in TYPES:
            continue
        entry = _entry(own, builtin)
        if kind in components:
            # Two versions of one component: either's keys are taken.
            components[kind]["keys"] |= {k: v for k, v in entry["keys"].items() if not v.get("required")}
            components[kind]["versions"] += entry["versions"]
        else:
            components[kind] = entry
    return {"module": f"{MODULE}@{pinned_version()}", "builtinProfiles": builtin, "components": components}


def _entry(own: dict[str, Any], builtin: dict[str, Any]) -> dict[str, Any]:
    profiles = [_keys(p.get("metadata")) for p in own.get("authenticationProfiles") or []]
    for profile in own.get("builtinAuthenticationProfiles") or []:
        profiles.append({**builtin.get(profile["name"], {}), **_keys(profile.get("metadata"))})
    return {"versions": [own["version"]], "keys": _keys(own.get("metadata")), "profiles": profiles}


def _keys(entries: list[dict[str, Any]] | None) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for entry in entries or []:
        rule = {name: entry[name] for name in ("required", "sensitive") if entry.get(name)}
        if entry.get("type") in ("number", "bool"):
            rule["type"] = entry["type"]
        if entry.get("allowedValues"):
            rule["allowed"] = [str(value) for value in entry["allowedValues"]]
        found[entry["name"]] = rule
    return found


def _azure_identity_keys(source: Path) -> dict[str, dict[str, Any]]:
    """The names that every component takes which can sign in with Microsoft Entra; none is required."""
    names = re.findall(r'^\t"\w+":\s*\{"(azure\w+)"', source.read_text(encoding="utf-8"), re.MULTILINE)
    secrets = ("Secret", "Password", "Certificate")
    return {name: {"sensitive": True} if name.endswith(secrets) else {} for name in names}


def _module_folder() -> Path:
    answer = subprocess.run(
        ["go", "mod", "download", "-json", f"{MODULE}@{pinned_version()}"],
        cwd=DAPR_MODULES,
        capture_output=True,
        text=True,
        timeout=600,
        check=True,
    )
    return Path(json.loads(answer.stdout)["Dir"])


def default_files() -> list[Path]:
    """Every component file of the project."""
    found = [path for folder in ("local", "azure") for path in (ROOT / "components" / folder).glob("*.yaml")]
    deployed = [
        path for path in (ROOT / "deploy").rglob("*.yaml") if "kind: Component\n" in path.read_text("utf-8")
    ]
    return sorted(found) + sorted(deployed)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.checks.component_metadata", description=__doc__)
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("--refresh", action="store_true", help="make the table anew; needs go")
    parser.add_argument("--module", type=Path, help="the unpacked module, instead of asking go for it")
    options = parser.parse_args()
    if options.refresh:
        table = refresh(options.module or _module_folder())
        TABLE.write_text(json.dumps(table, indent=1, sort_keys=True) + "\n", encoding="utf-8")
        print(f"{TABLE.name}: {len(table['components'])} components of {table['module']}")
        return 0
    faults = [fault for path in options.files or default_files() for fault in check_file(path)]
    for fault in faults:
        print(fault)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
