"""A main.bicep, everything that it leads to, and its parameters file."""

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

from tools.checks.bicep.bodies import BodyCheck
from tools.checks.bicep.declarations import Declaration, Declarations, declarations
from tools.checks.bicep.faults import Fault
from tools.checks.bicep.members import check_depends_on, check_members
from tools.checks.bicep.modules import (
    check_imports,
    check_loaded_files,
    check_module_calls,
    check_parameters_file,
)
from tools.checks.bicep.roles import check_assignments, check_grants, check_role_ids, table
from tools.checks.bicep.symbols import check_symbols
from tools.checks.bicep.syntax import Source, parse
from tools.checks.bicep.types import TypeLibrary


class Project:
    """The files that ``main`` reaches through modules and imports. Raises Unreadable for ``main`` itself."""

    def __init__(self, main: Path) -> None:
        self.main = main
        self.sources: dict[Path, Source] = {}
        self._add(main)

    def _add(self, path: Path) -> None:
        path = path.resolve()
        if path in self.sources:
            return
        source = parse(path)
        self.sources[path] = source
        for found in declarations(source).by_name.values():
            target = path.parent / found.target
            if found.kind in ("module", "import") and target.is_file():
                self._add(target)

    @cached_property
    def known(self) -> dict[Path, Declarations]:
        return {path: declarations(source) for path, source in self.sources.items()}

    def modules_of(self, known: Declarations) -> dict[str, Declarations]:
        """The declarations of each module's file, by the module's symbol."""
        targets = {found.name: (known.path.parent / found.target).resolve() for found in known.of("module")}
        return {name: self.known[target] for name, target in targets.items() if target in self.known}

    def imports_of(self, known: Declarations) -> dict[str, Declarations]:
        """The declarations of each imported file, by its path as written."""
        targets = {found.target: (known.path.parent / found.target).resolve() for found in known.of("import")}
        return {name: self.known[target] for name, target in targets.items() if target in self.known}

    def resources(self) -> Iterator[tuple[Declarations, Declaration]]:
        for known in self.known.values():
            for found in known.of("resource"):
                yield known, found


def check_project(main: Path, types: TypeLibrary | None = None) -> list[Fault]:
    """Every fault of ``main`` and what it leads to, in order. Raises BicepCheckError where it cannot be checked."""
    project = Project(main)
    types = types or TypeLibrary()
    types.prepare(found.resource_type for _, found in project.resources())
    faults: set[Fault] = set()
    for path, known in project.known.items():
        source = project.sources[path]
        faults.update(source.faults)
        faults.update(_check_file(project, source, known, types))
    for parameters in sorted(main.parent.glob("*.bicepparam")):
        faults.update(_check_parameters(parameters, project))
    return sorted(faults)


def _check_file(project: Project, source: Source, known: Declarations, types: TypeLibrary) -> Iterator[Fault]:
    modules = project.modules_of(known)
    imports = project.imports_of(known)
    yield from check_symbols(source.root, known)
    yield from check_members(source.root, known, modules, types)
    yield from check_depends_on(known)
    yield from check_module_calls(known, modules)
    yield from check_imports(known, imports)
    yield from check_loaded_files(source.root, source.path)
    yield from check_role_ids(source.root, known)
    yield from check_assignments(known)
    tables = {
        found.name: table(imports[found.target].by_name[found.decorators[0]])
        for found in known.of("import")
        if found.target in imports and found.decorators[0] in imports[found.target].by_name
    }
    yield from check_grants(known, tables)
    for found in known.of("resource"):
        yield from _check_resource(known, found, modules, types)


def _check_resource(
    known: Declarations, found: Declaration, modules: dict[str, Declarations], types: TypeLibrary
) -> Iterator[Fault]:
    kind = types.get(found.resource_type)
    if kind is None:
        yield Fault(known.path, found.line, f"{found.resource_type}: there is no such resource type")
        return
    if found.api_version != kind.version:
        yield Fault(
            known.path,
            found.line,
            f"{found.resource_type}: version {found.api_version} cannot be checked, {kind.version} is known",
        )
    if found.value is not None and not found.existing:
        for where, text in BodyCheck(kind, known, modules).findings(found.value):
            yield Fault(known.path, where, text)


def _check_parameters(path: Path, project: Project) -> Iterator[Fault]:
    source = parse(path)
    known = declarations(source)
    yield from source.faults
    yield from check_symbols(source.root, known)
    target = (path.parent / known.using).resolve()
    yield from check_parameters_file(known, project.known.get(target))
