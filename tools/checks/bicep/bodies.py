"""The body of a resource against its type."""

import re
from collections.abc import Iterator
from typing import Final

from tree_sitter import Node

from tools.checks.bicep.declarations import Declarations
from tools.checks.bicep.kinds import kind_of
from tools.checks.bicep.syntax import line, literal, named, properties, text_of
from tools.checks.bicep.types import Discriminated, ObjectType, Property, ResourceType

Finding = tuple[int, str]
"""Line and text."""

_SCALARS: Final = frozenset({"string", "int", "bool"})


class BodyCheck:
    """Checks one resource. ``outputs``: declarations of each module's file, by the module's symbol."""

    def __init__(self, kind: ResourceType, known: Declarations, outputs: dict[str, Declarations]) -> None:
        self._kind = kind
        self._known = known
        self._outputs = outputs

    def findings(self, body: Node) -> Iterator[Finding]:
        yield from self._object(body, self._kind.body, self._kind.name)

    def _value(self, node: Node, want: Property, path: str) -> Iterator[Finding]:
        match node.type:
            case "ternary_expression":
                for side in named(node)[1:]:
                    yield from self._value(side, want, path)
                return
            case "parenthesized_expression":
                yield from self._value(named(node)[0], want, path)
                return
            case "null":
                return
        element = want.type.removesuffix("[]")
        if element != want.type:
            yield from self._array(node, Property(element), path)
            return
        inner = self._kind.objects.get(want.type)
        if inner is not None:
            if node.type == "object":
                yield from self._structure(node, inner, path)
            else:
                yield from self._expect(node, {"object"}, path)
        elif want.type != "any":
            yield from self._scalar(node, want, path)

    def _array(self, node: Node, element: Property, path: str) -> Iterator[Finding]:
        if node.type == "array":
            for i, child in enumerate(named(node)):
                yield from self._value(child, element, f"{path}[{i}]")
        elif node.type == "for_statement":
            body = node.child_by_field_name("body")
            if body is not None:
                yield from self._value(body, element, f"{path}[]")
        else:
            yield from self._expect(node, {"array"}, path)

    def _structure(self, node: Node, want: ObjectType | Discriminated, path: str) -> Iterator[Finding]:
        if isinstance(want, ObjectType):
            yield from self._object(node, want, path)
            return
        chosen = next((literal(value) for key, _, value in properties(node) if key == want.key), None)
        if chosen not in want.variants:
            yield line(node), f"{path}: `{want.key}` must be one of {', '.join(sorted(want.variants))}"
            return
        yield from self._object(node, ObjectType({**want.base, **want.variants[chosen]}), path)

    def _object(self, node: Node, want: ObjectType, path: str) -> Iterator[Finding]:
        seen: set[str] = set()
        computed = False
        for key, where, value in properties(node):
            if key is None:
                computed = True
                continue
            if key in seen:
                yield line(where), f"{path}.{key}: given twice"
            seen.add(key)
            known = want.properties.get(key)
            if known is None:
                if not want.open:
                    yield line(where), f"{path}.{key}: there is no such property"
            elif known.read_only:
                yield line(where), f"{path}.{key}: is read-only"
            else:
                yield from self._value(value, known, f"{path}.{key}")
        if not computed:
            for key, known in want.properties.items():
                if known.required and key not in seen:
                    yield line(node), f"{path}: `{key}` is missing"

    def _scalar(self, node: Node, want: Property, path: str) -> Iterator[Finding]:
        options = [option.strip() for option in want.type.split("|")]
        kinds = {option for option in options if option in _SCALARS} or {"string"}
        if not all(option in _SCALARS or _is_literal(option) for option in options):
            return
        yield from self._expect(node, kinds, path)
        given = literal(node)
        if given is None:
            return
        if "string" not in options and given not in options:
            yield line(node), f"{path}: '{given}' is none of {', '.join(options)}"
        yield from _limits(node, given, want.limits, path)

    def _expect(self, node: Node, kinds: set[str], path: str) -> Iterator[Finding]:
        kind = kind_of(node, self._known, self._outputs)
        if kind and kind not in kinds:
            yield line(node), f"{path}: {' or '.join(sorted(kinds))} is wanted, {kind} is given"


def _is_literal(option: str) -> bool:
    return re.fullmatch(r"[\w .,:/+-]+", option) is not None


def _limits(node: Node, given: str, limits: str, path: str) -> Iterator[Finding]:
    shortest = re.search(r"minLength: (\d+)", limits)
    longest = re.search(r"maxLength: (\d+)", limits)
    if shortest and len(given) < int(shortest[1]):
        yield line(node), f"{path}: '{text_of(node)[1:-1]}' has fewer than {shortest[1]} characters"
    if longest and len(given) > int(longest[1]):
        yield line(node), f"{path}: '{text_of(node)[1:-1]}' has more than {longest[1]} characters"
