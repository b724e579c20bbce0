"""What is taken out of resources and modules: ``account.properties.endpoint``, ``storage.outputs.id``."""

from collections.abc import Iterator
from typing import Final

from tree_sitter import Node

from tools.checks.bicep.declarations import Declaration, Declarations
from tools.checks.bicep.faults import Fault
from tools.checks.bicep.syntax import chain, line, named, text_of, walk
from tools.checks.bicep.types import Discriminated, ObjectType, Property, ResourceType, TypeLibrary

_OF_EVERY_RESOURCE: Final = frozenset({"id", "name", "type", "apiVersion"})
_CHAINS: Final = frozenset({"member_expression", "subscript_expression"})


def check_members(
    root: Node, known: Declarations, outputs: dict[str, Declarations], types: TypeLibrary
) -> Iterator[Fault]:
    """Outputs and properties that are not there; loops that are not indexed."""
    for node in walk(root):
        if node.type not in _CHAINS or (node.parent is not None and node.parent.type in _CHAINS):
            continue
        found = chain(node)
        if found is None:
            continue
        declared = known.by_name.get(text_of(found[0]))
        if declared is None or declared.kind not in ("module", "resource"):
            continue
        steps = list(found[1])
        text = _index(declared, steps)
        if text is None:
            text = (
                _of_module(declared, steps, outputs.get(declared.name))
                if declared.kind == "module"
                else _of_resource(steps, types.get(declared.resource_type))
            )
        if text:
            yield Fault(known.path, line(node), f"{text_of(node)}: {text}")


def _index(declared: Declaration, steps: list[str | Node]) -> str | None:
    """Takes the index off; None if all is well so far."""
    indexed = bool(steps) and not isinstance(steps[0], str)
    if declared.looped and not indexed:
        return f"`{declared.name}` is a loop: an index is missing"
    if indexed and not declared.looped:
        return f"`{declared.name}` is no loop"
    if indexed:
        steps.pop(0)
    return None


def _of_module(declared: Declaration, steps: list[str | Node], file: Declarations | None) -> str | None:
    if not steps or steps[0] == "name" or file is None:
        return None
    if steps[0] != "outputs":
        return f"a module has `outputs` and `name`, not `{steps[0]}`"
    if len(steps) > 1 and isinstance(steps[1], str) and steps[1] not in file.outputs:
        return f"{declared.target} has no output `{steps[1]}`"
    return None


def _of_resource(steps: list[str | Node], kind: ResourceType | None) -> str | None:
    if kind is None or not steps or steps[0] in _OF_EVERY_RESOURCE:
        return None
    inside: ObjectType | Discriminated | None = kind.body
    for step in steps:
        if not isinstance(step, str) or not isinstance(inside, ObjectType) or inside.open:
            return None
        found: Property | None = inside.properties.get(step)
        if found is None:
            return f"{kind.name} has no `{step}` there"
        inside = kind.objects.get(found.type)
    return None


def check_depends_on(known: Declarations) -> Iterator[Fault]:
    """``dependsOn`` and ``parent`` name resources or modules of this file."""
    for declared in [*known.of("resource"), *known.of("module")]:
        for node in _named_in(declared, "dependsOn") + _named_in(declared, "parent"):
            found = known.by_name.get(text_of(node))
            if found is not None and found.kind not in ("resource", "module"):
                yield Fault(known.path, line(node), f"`{found.name}` is no resource: nothing can wait for it")


def _named_in(declared: Declaration, key: str) -> list[Node]:
    if declared.value is None:
        return []
    found: list[Node] = []
    for part in named(declared.value):
        pieces = named(part)
        if part.type == "object_property" and text_of(pieces[0]) == key:
            values = named(pieces[-1]) if pieces[-1].type == "array" else [pieces[-1]]
            found += [value for value in values if value.type == "identifier"]
    return found
