"""What a Bicep file declares."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from tree_sitter import Node

from tools.checks.bicep.syntax import Source, line, literal, named, text_of

Kind = Literal["param", "var", "resource", "module", "output", "type", "func", "import"]

_KINDS: dict[str, Kind] = {
    "parameter_declaration": "param",
    "variable_declaration": "var",
    "resource_declaration": "resource",
    "module_declaration": "module",
    "output_declaration": "output",
    "type_declaration": "type",
    "user_defined_function": "func",
}


@dataclass(frozen=True)
class Declaration:
    kind: Kind
    name: str
    node: Node
    decorators: tuple[str, ...] = ()
    value: Node | None = None
    """The expression; for resources and modules the object, below loop and condition."""
    declared_type: str = ""
    """Of params and outputs, as it is written."""
    target: str = ""
    """``Type@version`` of a resource, path of a module or import."""
    looped: bool = False
    existing: bool = False

    @property
    def line(self) -> int:
        return line(self.node)

    @property
    def resource_type(self) -> str:
        return self.target.partition("@")[0]

    @property
    def api_version(self) -> str:
        return self.target.partition("@")[2]

    @property
    def required(self) -> bool:
        """Whether a caller must give this parameter."""
        return self.value is None and not self.declared_type.endswith("?")


@dataclass(frozen=True)
class Declarations:
    path: Path
    by_name: dict[str, Declaration] = field(default_factory=dict)
    outputs: dict[str, Declaration] = field(default_factory=dict)
    """Outputs have a name space of their own."""
    twice: tuple[Declaration, ...] = ()
    using: str = ""
    """The template that a parameters file is for."""

    def of(self, kind: Kind) -> list[Declaration]:
        return [found for found in self.by_name.values() if found.kind == kind]


def declarations(source: Source) -> Declarations:
    """Everything that a file declares; broken parts are left out (the syntax check names them)."""
    by_name: dict[str, Declaration] = {}
    outputs: dict[str, Declaration] = {}
    twice: list[Declaration] = []
    using = ""
    decorators: tuple[str, ...] = ()
    for node in named(source.root):
        if node.type == "decorators":
            decorators = tuple(text_of(part) for part in named(node))
            continue
        if node.type == "using_statement":
            using = _first_literal(node)
        for found in _read(node, decorators):
            space = outputs if found.kind == "output" else by_name
            if found.name in space:
                twice.append(found)
            space[found.name] = found
        decorators = ()
    return Declarations(source.path, by_name, outputs, tuple(twice), using)


def _read(node: Node, decorators: tuple[str, ...]) -> Iterator[Declaration]:
    if node.type == "import_functionality":
        yield from _imports(node)
        return
    kind = _KINDS.get(node.type)
    parts = named(node)
    if kind is None or not parts or parts[0].type != "identifier":
        return
    name, rest = text_of(parts[0]), parts[1:]
    if kind in ("resource", "module"):
        body, looped = _unwrap(rest[-1]) if len(rest) > 1 else (None, False)
        existing = any(child.type == "existing" or text_of(child) == "existing" for child in node.children)
        target = literal(rest[0]) or "" if rest else ""
        yield Declaration(kind, name, node, decorators, body, "", target, looped, existing)
    elif kind in ("param", "output"):
        declared = next((text_of(part) for part in rest if part.type == "type"), "")
        values = [part for part in rest if part.type != "type"]
        yield Declaration(kind, name, node, decorators, values[-1] if values else None, declared)
    else:
        yield Declaration(kind, name, node, decorators, rest[-1] if rest else None)


def _imports(node: Node) -> Iterator[Declaration]:
    # `import { a, b as c } from 'file'`: the grammar gives the names flat, so the text says which is which.
    inside = re.search(r"\{(.*?)\}", text_of(node), re.DOTALL)
    for item in re.split(r"[,\n]", inside[1]) if inside else []:
        original, _, alias = item.strip().partition(" as ")
        if original.strip():
            name = (alias or original).strip()
            yield Declaration("import", name, node, (original.strip(),), None, "", _first_literal(node))


def _unwrap(node: Node) -> tuple[Node | None, bool]:
    """The object below ``[for …: if (…) {…}]``, and whether there is a loop."""
    looped = False
    while node.type in ("for_statement", "if_statement"):
        looped = looped or node.type == "for_statement"
        body = node.child_by_field_name("body") if node.type == "for_statement" else named(node)[-1]
        if body is None:
            return None, looped
        node = body
    return (node if node.type == "object" else None), looped


def _first_literal(node: Node) -> str:
    return next((value for part in named(node) if (value := literal(part)) is not None), "")
