"""What docs/deploy-azure.md says of variables and roles."""

import re
from collections.abc import Iterator
from pathlib import Path

from tools.checks.agreement.files import project
from tools.checks.bicep.roles import ROLES, grant_variables, grants_in
from tools.checks.bicep.syntax import literal, properties


def check_variables(root: Path) -> Iterator[str]:
    """Every variable that a deployment reads stands in the guide, and no other does."""
    sources = [root / "deploy" / "bicep" / "main.bicepparam", root / "deploy" / "preflight.py"]
    read = set(re.findall(r"'((?:CLAIMLENS|AZURE)_\w+)'", sources[0].read_text(encoding="utf-8")))
    looked_at = set(re.findall(r'own\("(\w+)"', sources[1].read_text(encoding="utf-8")))
    for name in sorted({f"CLAIMLENS_{part}" for part in looked_at} - read):
        yield f"preflight.py looks at {name}, which main.bicepparam does not read"
    described = set(re.findall(r"^\| `((?:CLAIMLENS|AZURE)_\w+)`", _guide(root), re.MULTILINE))
    unread = {"CLAIMLENS_WITHOUT_CAPTIONS"}
    if described != read | unread:
        yield f"docs/deploy-azure.md and main.bicepparam differ in {sorted(described ^ (read | unread))}"


def check_role_table(root: Path) -> Iterator[str]:
    """The guide's table of roles is what Bicep gives."""
    rows = re.findall(r"^\| `(\w+)` \| ([\w -]+) \| `([\w./-]+)` \|", _guide(root), re.MULTILINE)
    given = set(granted_roles(root))
    for row in sorted(given - set(rows)):
        yield f"docs/deploy-azure.md does not say that {row[0]} has {row[1]} on {row[2]}"
    for row in sorted(set(rows) - given):
        yield f"docs/deploy-azure.md says that {row[0]} has {row[1]} on {row[2]}, Bicep does not give it"


def granted_roles(root: Path) -> Iterator[tuple[str, str, str]]:
    """Who, the role's title, and on what: the module's file and the resource's symbol in it."""
    files = project(root)
    ids = {
        name: literal(value) or ""
        for known in files.known.values()
        for table in known.of("var")
        if table.name in ("roleIds", "cosmosRoleIds") and table.value is not None
        for name, _, value in properties(table.value)
        if name is not None
    }
    for path, known in files.known.items():
        for variable in grant_variables(known):
            symbol = variable.name.removesuffix("Grants")
            for grant in grants_in(variable):
                yield grant["who"], ROLES[ids[grant["role"]]], f"{path.stem}/{symbol}"


def _guide(root: Path) -> str:
    return (root / "docs" / "deploy-azure.md").read_text(encoding="utf-8")
