"""A Bicep file as a tree, and how to read the tree."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

import tree_sitter
import tree_sitter_bicep
from tree_sitter import Node

from tools.checks.bicep.faults import Fault, Unreadable


@dataclass(frozen=True)
class Source:
    path: Path
    root: Node
    faults: tuple[Fault, ...]


@cache
def _parser() -> tree_sitter.Parser:
    return tree_sitter.Parser(tree_sitter.Language(tree_sitter_bicep.language()))


def parse(path: Path) -> Source:
    """Raises Unreadable. A syntax error is a fault of the result."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Unreadable(f"{path}: {error}") from error
    if path.suffix == ".bicepparam":
        # The grammar knows a parameter with a type only; as variables the lines are the same.
        text = re.sub(r"^param ", "var ", text, flags=re.MULTILINE)
    return _parsed(path, text)


# Every check reads the whole project for itself.
@lru_cache(maxsize=128)
def _parsed(path: Path, text: str) -> Source:
    root = _parser().parse(text.encode()).root_node
    if not root.has_error:
        return Source(path, root, ())
    faults = tuple(
        Fault(path, line(node), f"syntax error at {_excerpt(node)}")
        for node in walk(root)
        if node.type == "ERROR" or node.is_missing
    )
    return Source(path, root, faults)


def walk(node: Node) -> Iterator[Node]:
    """The node and everything below it, in order."""
    yield node
    for child in node.children:
        yield from walk(child)


def named(node: Node) -> list[Node]:
    """Named children without comments."""
    return [child for child in node.named_children if child.type != "comment"]


def text_of(node: Node) -> str:
    return (node.text or b"").decode()


def line(node: Node) -> int:
    return int(node.start_point[0]) + 1


def literal(node: Node | None) -> str | None:
    """The value of a string without interpolation, else None."""
    if node is None or node.type != "string":
        return None
    if any(child.type == "interpolation" for child in node.children):
        return None
    return text_of(node)[1:-1].replace("\\'", "'").replace("\\\\", "\\")


def properties(node: Node) -> Iterator[tuple[str | None, Node, Node]]:
    """Key (None if it is computed), property and value of each property of an object."""
    for child in named(node):
        parts = named(child)
        if child.type == "object_property" and len(parts) >= 2:
            key = literal(parts[0]) if parts[0].type == "string" else text_of(parts[0])
            yield key, child, parts[-1]


def property_of(node: Node | None, key: str) -> Node | None:
    """The value of one property of an object, or None."""
    if node is None or node.type != "object":
        return None
    return next((value for name, _, value in properties(node) if name == key), None)


def chain(node: Node) -> tuple[Node, list[str | Node]] | None:
    """``a[0].b.c`` as the node ``a`` and the steps ``[index node, "b", "c"]``; None without a name first."""
    steps: list[str | Node] = []
    while node.type in ("member_expression", "subscript_expression"):
        owner = node.child_by_field_name("object")
        if owner is None:
            return None
        if node.type == "member_expression":
            step = node.child_by_field_name("property")
            steps.append(text_of(step) if step is not None else "")
        else:
            index = node.child_by_field_name("index")
            if index is None:
                return None
            key = literal(index)
            steps.append(key if key is not None else index)
        node = owner
    return (node, steps[::-1]) if node.type == "identifier" else None


def arguments(call: Node) -> list[Node]:
    found = call.child_by_field_name("arguments")
    return named(found) if found is not None else []


def function_name(call: Node) -> str:
    """``map``, or ``az.resourceGroup``."""
    found = call.child_by_field_name("function")
    return text_of(found) if found is not None else ""


def _excerpt(node: Node) -> str:
    lines = text_of(node).strip().splitlines()
    return f"`{lines[0][:60]}`" if lines else "the end of a line"
