"""Resource types by name: from msmcp-azure (cached), or from own_types.yaml."""

import json
import os
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

import yaml

from tools.checks.bicep import azmcp
from tools.setup.locations import cache_dir

_OWN = Path(__file__).with_name("own_types.yaml")
# Bicep's own, beside what Azure knows of a resource.
_EVERYWHERE = ("parent", "scope", "dependsOn")


@dataclass(frozen=True)
class Property:
    type: str
    """A primitive, ``a | b``, ``any``, a name in `ResourceType.objects`; with ``[]`` behind it for each dimension."""
    required: bool = False
    read_only: bool = False
    limits: str = ""
    """As in ``minLength: 3, maxLength: 50``."""


@dataclass(frozen=True)
class ObjectType:
    properties: dict[str, Property]
    open: bool = False
    """Takes properties of any name."""


@dataclass(frozen=True)
class Discriminated:
    key: str
    base: dict[str, Property]
    variants: dict[str, dict[str, Property]]


@dataclass(frozen=True)
class ResourceType:
    name: str
    version: str
    body: ObjectType
    objects: dict[str, ObjectType | Discriminated] = field(default_factory=dict)


class TypeLibrary:
    """Types of resources, read once. `prepare` asks the vendor's server for all that are not cached at once."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder or cache_dir() / "bicep-types" / _package_version()
        self._types: dict[str, ResourceType | None] = dict(_own_types())

    def prepare(self, names: Iterable[str]) -> None:
        """Raises TypeDataUnavailable."""
        missing = sorted({name for name in names if name not in self._types and not self._load(name)})
        if not missing:
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        with azmcp.running() as server:
            for name in missing:
                found = server.types_of(name)
                _write(self._file(name), found)
                self._types[name] = _convert(name, found) if found is not None else None

    def get(self, name: str) -> ResourceType | None:
        """None where nobody knows such a type."""
        if name not in self._types:
            self.prepare([name])
        return self._types[name]

    def _load(self, name: str) -> bool:
        try:
            found = json.loads(self._file(name).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return False
        self._types[name] = _convert(name, found) if found is not None else None
        return True

    def _file(self, name: str) -> Path:
        return self._folder / (name.replace("/", "_") + ".json")


def _write(path: Path, content: Any) -> None:
    """Whole or not at all: several checks may fill the cache at a time."""
    handle, name = tempfile.mkstemp(dir=path.parent, suffix=".part")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump(content, file)
    Path(name).replace(path)


def _package_version() -> str:
    try:
        return metadata.version("msmcp-azure")
    except metadata.PackageNotFoundError:
        return "none"


def _convert(name: str, data: azmcp.TypeData) -> ResourceType:
    objects: dict[str, ObjectType | Discriminated] = {}
    body: dict[str, Property] = {}
    version = ""
    for entry in data:
        match entry.get("$type"):
            case "Resource":
                body = _properties(entry["bodyType"].get("properties"))
                version = body.pop("apiVersion").type
            case "Object":
                is_open = bool(entry.get("additionalPropertiesType"))
                objects[entry["name"]] = ObjectType(_properties(entry.get("properties")), is_open)
            case "DiscriminatedObject":
                objects[entry["name"]] = _discriminated(entry)
    for key in ("id", "type"):
        body.pop(key, None)
    for key in _EVERYWHERE:
        body[key] = Property("any")
    return ResourceType(name, version, ObjectType(body), objects)


def _properties(entries: list[dict[str, Any]] | None) -> dict[str, Property]:
    return {
        entry["name"]: Property(
            str(entry["type"]),
            "Required" in (flags := entry.get("flags", "")) and "ReadOnly" not in flags,
            "ReadOnly" in flags,
            entry.get("modifiers", ""),
        )
        for entry in entries or []
    }


def _discriminated(entry: dict[str, Any]) -> Discriminated:
    variants = [_properties(element["properties"]) for element in entry["elements"]]
    # The discriminator is the one property that every variant has, with a literal of its own.
    shared = set(variants[0]).intersection(*variants[1:])
    key = next(name for name in sorted(shared) if len({v[name].type for v in variants}) == len(variants))
    return Discriminated(key, _properties(entry.get("baseProperties")), {v[key].type: v for v in variants})


@cache
def _own_types() -> dict[str, ResourceType]:
    found: dict[str, ResourceType] = {}
    for full_name, body in yaml.safe_load(_OWN.read_text(encoding="utf-8")).items():
        name, _, version = full_name.partition("@")
        objects: dict[str, ObjectType | Discriminated] = {}
        own = _own_object(body, objects)
        everywhere = {key: Property("any") for key in _EVERYWHERE}
        found[name] = ResourceType(name, version, ObjectType({**own.properties, **everywhere}), objects)
    return found


def _own_object(body: dict[str, Any], objects: dict[str, ObjectType | Discriminated]) -> ObjectType:
    return ObjectType(
        {
            key.removesuffix("!"): Property(_own_type(value, objects), key.endswith("!"))
            for key, value in body.items()
        }
    )


def _own_type(value: Any, objects: dict[str, ObjectType | Discriminated]) -> str:
    if isinstance(value, list):
        return _own_type(value[0], objects) + "[]"
    if isinstance(value, dict):
        name = f"object {len(objects)}"
        objects[name] = ObjectType({})
        objects[name] = _own_object(value, objects)
        return name
    return str(value)
