"""What kind of value an expression gives: string, int, bool, array, object; empty where that cannot be told."""

from typing import Final

from tree_sitter import Node

from tools.checks.bicep.declarations import Declarations
from tools.checks.bicep.functions import FUNCTIONS
from tools.checks.bicep.syntax import chain, function_name, named, text_of

_PLAIN: Final = {
    "string": "string", "number": "int", "boolean": "bool", "array": "array", "for_statement": "array",
    "object": "object",
}  # fmt: skip
_TRUTH: Final = frozenset({"&&", "||", "==", "!=", "<", ">", "<=", ">=", "=~", "!~"})
_SUMS: Final = frozenset({"+", "-", "*", "/", "%"})
KINDS: Final = frozenset({"string", "int", "bool", "array", "object"})


def kind_of_type(written: str) -> str:
    """The kind of a declared type: ``string[]`` → array, ``'a' | 'b'`` → string; empty for names of one's own."""
    written = written.strip()
    if written.endswith("[]"):
        return "array"
    if written.startswith("'"):
        return "string"
    if written.startswith("{"):
        return "object"
    return written if written in KINDS else ""


def kind_of(node: Node, known: Declarations, outputs: dict[str, Declarations]) -> str:
    """``outputs``: the declarations of each module's file, by the module's symbol."""
    if node.type in _PLAIN:
        return _PLAIN[node.type]
    match node.type:
        case "parenthesized_expression" | "nullable_type":
            return kind_of(named(node)[0], known, outputs) if named(node) else ""
        case "call_expression":
            return FUNCTIONS.get(function_name(node).removeprefix("az.").removeprefix("sys."), "")
        case "ternary_expression":
            sides = {kind_of(side, known, outputs) for side in named(node)[1:]}
            return sides.pop() if len(sides) == 1 else ""
        case "unary_expression":
            return "bool" if text_of(node).startswith("!") else "int"
        case "binary_expression":
            return _binary(node)
        case "identifier":
            return _declared(text_of(node), known, outputs)
        case "member_expression":
            return _output(node, outputs)
    return ""


def _binary(node: Node) -> str:
    operators = {text_of(child) for child in node.children if not child.is_named}
    return "bool" if operators & _TRUTH else "int" if operators & _SUMS else ""


def _declared(name: str, known: Declarations, outputs: dict[str, Declarations]) -> str:
    found = known.by_name.get(name)
    if found is None:
        return ""
    if found.kind == "param":
        return kind_of_type(found.declared_type)
    if found.kind == "var" and found.value is not None:
        return kind_of(found.value, known, outputs)
    return ""


def _output(node: Node, outputs: dict[str, Declarations]) -> str:
    found = chain(node)
    if found is None:
        return ""
    root, steps = found
    module = outputs.get(text_of(root))
    names = [step for step in steps if isinstance(step, str)]
    if module is not None and len(names) == 2 and names[0] == "outputs" and names[1] in module.outputs:
        return kind_of_type(module.outputs[names[1]].declared_type)
    return ""
