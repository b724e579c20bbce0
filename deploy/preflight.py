"""Looks at the parameters of a deployment before anything is created. Standard library alone; azd runs it as a hook.

``python3 deploy/preflight.py``: reads the variables that main.bicepparam reads, prints every problem with what to do
about it, and exits with 1 if there is one. It asks Azure nothing: quotas and rights show at the deployment.
"""

import json
import os
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
REGIONS = HERE / "vision-regions.json"
SIZES = HERE / "bicep" / "sizes"
# Pictures whose index fills a replica's disk, where query has an index of its own (docs/capacity.md).
OWN_INDEX_HOLDS = 2_000_000

FLAGS = ("PRIVATE_NETWORK", "SEARCH", "RESILIENCY", "CERTIFICATES_READY", "WITHOUT_CAPTIONS")
_GUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_HOSTNAME = re.compile(r"(?=.{4,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}")
_ROLES = ("reader", "writer", "admin")


class Parameters:
    """The variables, without spaces around their values."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment

    def get(self, name: str) -> str:
        return self._environment.get(name, "").strip()

    def own(self, name: str, default: str = "") -> str:
        return self.get(f"CLAIMLENS_{name}") or default

    def flag(self, name: str) -> bool:
        return self.own(name).lower() == "true"

    def places(self) -> list[str]:
        """The first region and the further ones."""
        further = [place.strip() for place in self.own("FURTHER_LOCATIONS").split(",")]
        return [self.get("AZURE_LOCATION"), *(place for place in further if place)]


def problems(environment: Mapping[str, str]) -> list[str]:
    """Everything that keeps a deployment with these variables from working, each with its remedy."""
    given = Parameters(environment)
    checks = (_name, _size, _regions, _flags, _callers, _several_regions, _hostnames, _watching)
    return [problem for check in checks for problem in check(given)]


def _name(given: Parameters) -> Iterator[str]:
    name = given.get("AZURE_ENV_NAME")
    if not name:
        yield "AZURE_ENV_NAME is not set: `azd env new NAME`"
    elif not re.fullmatch(r"[a-z][a-z0-9-]{0,18}[a-z0-9]", name) or "--" in name:
        yield (
            f"AZURE_ENV_NAME is {name!r}: 2 to 20 lower-case letters, digits and single hyphens, "
            "beginning with a letter, not ending with a hyphen; names of resources are made of it"
        )


def _size(given: Parameters) -> Iterator[str]:
    size = given.own("SIZE", "small")
    known = _sizes()
    if size not in known:
        yield f"CLAIMLENS_SIZE is {size!r}: one of {', '.join(known)}"
        return
    tier, tiers = known[size]["vision"]["sku"], _table()["tiers"]
    if tier not in tiers:
        yield f"size {size} wants Vision's tier {tier}, and {', '.join(tiers)} are offered"
    if known[size]["picturesPerMonth"] > OWN_INDEX_HOLDS and not given.flag("SEARCH"):
        yield (
            f"size {size} takes Azure AI Search: `azd env set CLAIMLENS_SEARCH true`. Without it query has an index of "
            f"its own, which outgrows a replica's disk at some {OWN_INDEX_HOLDS:,} pictures"
        )


def _regions(given: Parameters) -> Iterator[str]:
    table = _table()
    captions: dict[str, bool] = table["captions"]
    for place in given.places():
        if not place:
            yield "AZURE_LOCATION is not set: `azd env set AZURE_LOCATION westeurope`"
        elif place.replace(" ", "").lower() != place:
            yield f"region {place!r}: in Azure's short form, as in {place.replace(' ', '').lower()}"
        elif place not in captions:
            yield (
                f"region {place} has no Image Analysis 4.0 that is known here ({table['date']}, {table['source']}). "
                f"Known: {', '.join(sorted(captions))}. If Azure has it there by now, add it to {REGIONS.name}"
            )
        elif not captions[place] and not given.flag("WITHOUT_CAPTIONS"):
            with_captions = ", ".join(sorted(name for name, has in captions.items() if has))
            yield (
                f"region {place} has no captions ({table['date']}). Take one of {with_captions}, or set "
                "CLAIMLENS_WITHOUT_CAPTIONS to true: records then have tags, objects and text only"
            )


def _flags(given: Parameters) -> Iterator[str]:
    for name in FLAGS:
        if given.own(name, "false").lower() not in ("true", "false"):
            yield f"CLAIMLENS_{name} is {given.own(name)!r}: true or false"
    if not given.own("MONTHLY_BUDGET", "150").isdigit():
        yield f"CLAIMLENS_MONTHLY_BUDGET is {given.own('MONTHLY_BUDGET')!r}: a whole number"


def _callers(given: Parameters) -> Iterator[str]:
    keys, client = given.own("API_KEYS"), given.own("ENTRA_CLIENT_ID")
    if not keys and not client:
        yield (
            "nobody would be asked who they are: set CLAIMLENS_API_KEYS (NAME:ROLE:KEY, separated by commas) or "
            "CLAIMLENS_ENTRA_CLIENT_ID"
        )
    if keys and client:
        yield (
            "CLAIMLENS_API_KEYS and CLAIMLENS_ENTRA_CLIENT_ID exclude each other: a service with keys takes Entra's "
            "token for a wrong key"
        )
    if client and not _GUID.fullmatch(client):
        yield f"CLAIMLENS_ENTRA_CLIENT_ID is {client!r}: the application's id, a GUID"
    for number, entry in enumerate(filter(None, (part.strip() for part in keys.split(","))), start=1):
        name, role, key = [*entry.split(":", 2), "", ""][:3]
        # Nothing of the entry is printed: where a colon is missing, any part may be the key.
        if not name or role.lower() not in _ROLES or len(key) < 16:
            yield (
                f"CLAIMLENS_API_KEYS, entry {number}: NAME:ROLE:KEY, the role one of {', '.join(_ROLES)}, "
                "the key 16 characters or more"
            )


def _several_regions(given: Parameters) -> Iterator[str]:
    first, *further = given.places()
    if not further:
        return
    places = [first, *further]
    if len(set(places)) < len(places):
        yield "CLAIMLENS_FURTHER_LOCATIONS names a region twice"
    size = _sizes().get(given.own("SIZE", "small"))
    if size and size["cosmos"]["serverless"]:
        yield "several regions take CLAIMLENS_SIZE medium or large: a serverless Cosmos DB has one region"
    if given.flag("PRIVATE_NETWORK"):
        yield "several regions and CLAIMLENS_PRIVATE_NETWORK exclude each other: there is one network, in one region"
    if given.own("INGEST_HOSTNAME") or given.own("QUERY_HOSTNAME"):
        yield "several regions have Front Door's host names; names of one's own are added there by hand"


def _hostnames(given: Parameters) -> Iterator[str]:
    names = [given.own("INGEST_HOSTNAME"), given.own("QUERY_HOSTNAME")]
    for name in filter(None, names):
        if not _HOSTNAME.fullmatch(name):
            yield f"host name {name!r}: as in ingest.example.com"
    if all(names) and names[0] == names[1]:
        yield "CLAIMLENS_INGEST_HOSTNAME and CLAIMLENS_QUERY_HOSTNAME must differ"
    if given.flag("CERTIFICATES_READY") and not any(names):
        yield "CLAIMLENS_CERTIFICATES_READY is true without a host name to certify"


def _watching(given: Parameters) -> Iterator[str]:
    email, start = given.own("ALERT_EMAIL"), given.own("BUDGET_START")
    if email and not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", email):
        yield f"CLAIMLENS_ALERT_EMAIL is {email!r}: a mail address"
    if email and not re.fullmatch(r"20\d\d-(0[1-9]|1[0-2])-01", start):
        yield (
            "CLAIMLENS_BUDGET_START must be the first day of this month, as 2026-01-01, and stay so: a budget's "
            "beginning cannot be changed"
        )


def _sizes() -> dict[str, Any]:
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(SIZES.glob("*.json"))}


def _table() -> dict[str, Any]:
    table: dict[str, Any] = json.loads(REGIONS.read_text(encoding="utf-8"))
    return table


def main() -> int:
    found = problems(os.environ)
    for problem in found:
        sys.stderr.write(f"claimlens: {problem}\n")
    if found:
        sys.stderr.write(
            "Nothing was created. `azd env set NAME VALUE` changes a value; docs/deploy-azure.md lists them.\n"
        )
        return 1
    given = Parameters(os.environ)
    sys.stdout.write(
        f"claimlens: size {given.own('SIZE', 'small')} in {', '.join(given.places())}. "
        "What it costs: docs/costs.md; how to remove it: `azd down --purge`.\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
