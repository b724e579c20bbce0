"""Calls of modules, imports, and files that are read when Bicep is compiled."""

import json
from collections.abc import Iterator
from pathlib import Path

import yaml
from tree_sitter import Node

from tools.checks.bicep.declarations import Declaration, Declarations
from tools.checks.bicep.faults import Fault
from tools.checks.bicep.functions import LOADERS
from tools.checks.bicep.kinds import kind_of, kind_of_type
from tools.checks.bicep.syntax import (
    arguments,
    function_name,
    line,
    literal,
    properties,
    property_of,
    walk,
)


def check_module_calls(known: Declarations, files: dict[str, Declarations]) -> Iterator[Fault]:
    """``files``: the declarations of each module's file, by the module's symbol."""
    for module in known.of("module"):
        file = files.get(module.name)
        if file is None:
            yield Fault(known.path, module.line, f"{module.target}: there is no such file")
        elif module.value is None or property_of(module.value, "name") is None:
            yield Fault(known.path, module.line, f"module `{module.name}` has no `name`")
        else:
            yield from _parameters(known, module, file, files)


def _parameters(
    known: Declarations, module: Declaration, file: Declarations, files: dict[str, Declarations]
) -> Iterator[Fault]:
    wanted = {param.name: param for param in file.of("param")}
    params = property_of(module.value, "params")
    given = set()
    for key, where, value in properties(params) if params is not None else ():
        if key is None:
            continue
        given.add(key)
        if key not in wanted:
            yield Fault(known.path, line(where), f"{module.target} has no parameter `{key}`")
            continue
        want = kind_of_type(wanted[key].declared_type)
        kind = kind_of(value, known, files)
        if want and kind and want != kind:
            yield Fault(known.path, line(where), f"{module.target}: `{key}` is {want}, {kind} is given")
    for name, param in wanted.items():
        if param.required and name not in given:
            yield Fault(known.path, module.line, f"{module.target}: parameter `{name}` is not given")


def check_imports(known: Declarations, exported: dict[str, Declarations]) -> Iterator[Fault]:
    """``exported``: the declarations of each imported file, by path as written."""
    for found in known.of("import"):
        file = exported.get(found.target)
        original = found.decorators[0]
        if file is None:
            yield Fault(known.path, found.line, f"{found.target}: there is no such file")
        elif original not in file.by_name:
            yield Fault(known.path, found.line, f"{found.target} declares no `{original}`")
        elif not any("export" in decorator for decorator in file.by_name[original].decorators):
            yield Fault(known.path, found.line, f"{found.target} does not export `{original}`")


def check_loaded_files(root: Node, path: Path) -> Iterator[Fault]:
    """Files named in ``loadYamlContent`` and its like are there and can be read."""
    for node in walk(root):
        if node.type != "call_expression" or function_name(node) not in LOADERS:
            continue
        written = literal(arguments(node)[0]) if arguments(node) else None
        if written is None:
            yield Fault(path, line(node), "the file's name must be written out")
            continue
        try:
            text = (path.parent / written).read_text(encoding="utf-8")
            if function_name(node) == "loadJsonContent":
                json.loads(text)
            elif function_name(node) == "loadYamlContent":
                yaml.safe_load(text)
        except (OSError, ValueError, yaml.YAMLError) as error:
            yield Fault(path, line(node), f"{written}: {error}")


def check_parameters_file(known: Declarations, template: Declarations | None) -> Iterator[Fault]:
    """A ``.bicepparam`` file, read with its parameters as variables."""
    if template is None:
        yield Fault(known.path, 1, f"{known.using or 'using'}: there is no such file")
        return
    wanted = {param.name: param for param in template.of("param")}
    given = {found.name: found for found in known.of("var")}
    for name, found in given.items():
        if name not in wanted:
            yield Fault(known.path, found.line, f"{known.using} has no parameter `{name}`")
            continue
        want = kind_of_type(wanted[name].declared_type)
        kind = kind_of(found.value, known, {}) if found.value is not None else ""
        if want and kind and want != kind:
            yield Fault(known.path, found.line, f"`{name}` is {want}, {kind} is given")
    for name, param in wanted.items():
        if param.required and name not in given:
            yield Fault(known.path, 1, f"parameter `{name}` of {known.using} is not given")
