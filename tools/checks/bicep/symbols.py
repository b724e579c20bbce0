"""Every name leads somewhere, and every declared name is used."""

from collections.abc import Iterator

from tree_sitter import Node

from tools.checks.bicep.declarations import Declaration, Declarations
from tools.checks.bicep.faults import Fault
from tools.checks.bicep.functions import FUNCTIONS, NAMESPACES
from tools.checks.bicep.syntax import arguments, function_name, line, named, text_of

_DECLARATIONS = frozenset({"parameter_declaration", "variable_declaration", "resource_declaration",
                           "module_declaration", "output_declaration"})  # fmt: skip


def check_symbols(root: Node, known: Declarations) -> Iterator[Fault]:
    """Names that are not declared, declared twice, or declared and never used."""
    walker = _Walker(known)
    for node in named(root):
        walker.statement(node)
    for name, where in walker.unknown:
        yield Fault(known.path, line(where), f"`{name}` is not declared")
    for found in known.twice:
        yield Fault(known.path, found.line, f"`{found.name}` is declared twice")
    if not known.using:
        yield from (_unused(known, found) for found in known.by_name.values() if walker.misses(found))


def _unused(known: Declarations, found: Declaration) -> Fault:
    return Fault(known.path, found.line, f"{found.kind} `{found.name}` is never used")


class _Walker:
    def __init__(self, known: Declarations) -> None:
        self._known = known
        self._used: set[str] = set()
        self.unknown: list[tuple[str, Node]] = []

    def misses(self, found: Declaration) -> bool:
        exported = any("export" in decorator for decorator in found.decorators)
        return (
            found.kind in ("param", "var", "func", "import") and not exported and found.name not in self._used
        )

    def statement(self, node: Node) -> None:
        if node.type in _DECLARATIONS:
            for part in named(node)[1:]:
                self.expression(part, frozenset())
        elif node.type == "user_defined_function":
            names = {
                text_of(named(parameter)[0])
                for part in named(node)
                if part.type == "parameters"
                for parameter in named(part)
            }
            self.expression(named(node)[-1], frozenset(names))
        elif node.type == "decorators":
            for decorator in named(node):
                for call in named(decorator):
                    for argument in arguments(call):
                        self.expression(argument, frozenset())

    def expression(self, node: Node, scope: frozenset[str]) -> None:
        """``scope``: loop variables and parameters of lambdas and functions."""
        match node.type:
            case "identifier":
                self._name(node, scope)
            case "type" | "property_identifier" | "comment":
                return
            case "object_property":
                key, *rest = named(node)
                for part in rest if key.type == "identifier" else [key, *rest]:
                    self.expression(part, scope)
            case "call_expression":
                self._call(node, scope)
            case "for_statement":
                self._loop(node, scope)
            case "lambda_expression":
                self.expression(named(node)[-1], scope | _parameters(node))
            case _:
                for part in named(node):
                    self.expression(part, scope)

    def _name(self, node: Node, scope: frozenset[str]) -> None:
        name = text_of(node)
        self._used.add(name)
        if name not in scope and name not in self._known.by_name and name not in NAMESPACES:
            self.unknown.append((name, node))

    def _call(self, node: Node, scope: frozenset[str]) -> None:
        function = node.child_by_field_name("function")
        name = function_name(node).removeprefix("az.").removeprefix("sys.")
        if (function is not None and function.type == "identifier") or "." not in name:
            self._used.add(name)
            declared = self._known.by_name.get(name)
            if name not in FUNCTIONS and (declared is None or declared.kind not in ("func", "import")):
                self.unknown.append((f"{name}()", node))
        elif function is not None:
            self.expression(function, scope)
        for argument in arguments(node):
            # The grammar reads `x => x.a[i]` as `(x => x).a[i]`: the parameters hold in the whole argument.
            self.expression(argument, scope | _leftmost_parameters(argument))

    def _loop(self, node: Node, scope: frozenset[str]) -> None:
        body = node.child_by_field_name("body")
        first, *rest = named(node)
        variables = {text_of(first)} if first.type == "identifier" else {text_of(p) for p in named(first)}
        for part in rest:
            self.expression(part, scope | variables if part == body else scope)


def _parameters(function: Node) -> frozenset[str]:
    first = named(function)[0]
    return frozenset({text_of(first)} if first.type == "identifier" else {text_of(p) for p in named(first)})


def _leftmost_parameters(node: Node) -> frozenset[str]:
    while node.type != "lambda_expression":
        parts = named(node)
        if not parts or node.type in ("call_expression", "object", "array", "string"):
            return frozenset()
        node = parts[0]
    return _parameters(node)
