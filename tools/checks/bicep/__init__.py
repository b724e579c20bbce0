"""Bicep checked without Bicep: its compiler is in no package registry.

What it finds: syntax (tree-sitter's grammar); resource types, API versions, properties, required ones, kinds of
values, literals of closed enums (the vendor's own type data, which the package msmcp-azure carries); symbols,
functions, loop indexes, properties of resources; modules' files, parameters and outputs; files that are loaded;
role assignments. What it does not: what expressions come to, and whether Azure would take them. It stands in for
``bicep build`` in the tests, not before a deployment.
"""

from tools.checks.bicep.faults import Fault
from tools.checks.bicep.project import check_project

__all__ = ["Fault", "check_project"]
