"""Role assignments: ids that exist, and what Azure refuses or forgets without."""

import re
from collections.abc import Iterator
from typing import Final

from tree_sitter import Node

from tools.checks.bicep.declarations import Declaration, Declarations
from tools.checks.bicep.faults import Fault
from tools.checks.bicep.syntax import (
    function_name,
    line,
    literal,
    named,
    properties,
    property_of,
    text_of,
    walk,
)

ROLES: Final[dict[str, str]] = {
    "ba92f5b4-2d11-453d-a403-e96b0029c9fe": "Storage Blob Data Contributor",
    "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1": "Storage Blob Data Reader",
    "db58b8e5-c6ad-4a2a-8342-4190687cbf4a": "Storage Blob Delegator",
    "69a216fc-b8fb-44d8-bc22-1f3c2cd27a39": "Azure Service Bus Data Sender",
    "4f6d3b9b-027b-4f4c-9142-0e5a2a2247e0": "Azure Service Bus Data Receiver",
    "090c5cfd-751d-490a-894a-3ce6f1109419": "Azure Service Bus Data Owner",
    "a97b65f3-24c7-4388-baec-2e87135dc908": "Cognitive Services User",
    "8ebe5a00-799e-43f5-93ac-243d3dce84a7": "Search Index Data Contributor",
    "1407120a-92aa-4202-b7e9-c0e197c71c8f": "Search Index Data Reader",
    "7ca78c08-252a-4471-8644-bb5ff32d4ba0": "Search Service Contributor",
    "7f951dda-4ed3-4680-a7ca-43fe172d538d": "AcrPull",
    "4633458b-17de-408a-b874-0445c86b69e6": "Key Vault Secrets User",
    "00000000-0000-0000-0000-000000000001": "Cosmos DB Built-in Data Reader",
    "00000000-0000-0000-0000-000000000002": "Cosmos DB Built-in Data Contributor",
}
"""Built-in roles that a deployment of ours may give. An id that is not here is a slip until somebody adds it."""

_ASSIGNMENT: Final = "Microsoft.Authorization/roleAssignments"
_UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def check_role_ids(root: Node, known: Declarations) -> Iterator[Fault]:
    """Every id written in the file is a role's."""
    for node in walk(root):
        written = literal(node)
        if written is not None and _UUID.fullmatch(written.lower()) and written not in ROLES:
            yield Fault(known.path, line(node), f"{written} is no role that is known here")


def check_assignments(known: Declarations) -> Iterator[Fault]:
    """Who is given what: with the kind of principal, under a name that a second deployment finds again."""
    for found in known.of("resource"):
        if found.resource_type != _ASSIGNMENT or found.value is None:
            continue
        inner = property_of(found.value, "properties")
        if literal(property_of(inner, "principalType")) != "ServicePrincipal":
            # Without it Azure may not find an identity that is some seconds old.
            yield Fault(known.path, found.line, f"`{found.name}`: principalType must be 'ServicePrincipal'")
        name = property_of(found.value, "name")
        if name is None or name.type != "call_expression" or function_name(name) != "guid":
            yield Fault(known.path, found.line, f"`{found.name}`: the name must be made by guid()")
        if property_of(found.value, "scope") is None:
            yield Fault(known.path, found.line, f"`{found.name}` has no scope: it would hold everywhere here")


def check_grants(known: Declarations, tables: dict[str, set[str]]) -> Iterator[Fault]:
    """The roles named in ``…Grants`` stand in the table of ids. ``tables``: imported name → names in it."""
    names = set().union(*tables.values()) if tables else set()
    for variable in grant_variables(known):
        for entry in grants_in(variable):
            if entry.get("role") not in names:
                yield Fault(
                    known.path, variable.line, f"`{entry.get('role')}` is no role in the table of ids"
                )


def grant_variables(known: Declarations) -> list[Declaration]:
    return [found for found in known.of("var") if found.name.endswith("Grants")]


def grants_in(variable: Declaration) -> list[dict[str, str]]:
    """The ``{ who: …, role: … }`` of a list, whatever the condition around it."""
    if variable.value is None:
        return []
    return [
        {key: literal(value) or text_of(value) for key, _, value in properties(node) if key}
        for node in walk(variable.value)
        if node.type == "object"
    ]


def table(declared: Declaration) -> set[str]:
    """The names in an exported table of ids."""
    if declared.value is None or declared.value.type != "object":
        return set()
    return {text_of(named(part)[0]) for part in named(declared.value) if part.type == "object_property"}
