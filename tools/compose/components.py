"""Dapr's files for the containers of docker-compose.yml: those of `components/`, with the containers' own paths.

All of them share one network namespace, so addresses and ports are those of one machine, and nothing else differs.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from tools.compose.cosmos import COLLECTION, DATABASE, PUBLIC_KEY

ROOT = Path(__file__).resolve().parents[2]
COMPONENTS = ROOT / "components"
SOCKET = "azure.eventgrid.sock"
RECORDS = "/records/records.db"
COSMOS_URL = "http://127.0.0.1:8081"


def rendered(folder: Path, generation: str, *, cosmos: bool = False) -> dict[str, str]:
    """Path below ``folder`` → content. Another ``generation`` makes daprd open its subscription streams anew."""
    secrets = "secrets/development-secrets.json"
    values = {
        ("image-records", "connectionString"): RECORDS,
        ("image-events", "generation"): generation,
        ("secrets", "secretsFile"): str(folder / secrets),
    }
    files = {
        f"resources/{source.name}": _with(source, values)
        for source in sorted((COMPONENTS / "local").glob("*.yaml"))
    }
    if cosmos:
        files["resources/image-records.yaml"] = cosmos_records(COSMOS_URL)
    files["dapr-config.yaml"] = (COMPONENTS / "dapr-config.yaml").read_text()
    files[secrets] = (COMPONENTS / "development-secrets.json").read_text()
    return files


def cosmos_records(url: str) -> str:
    """The component file that Azure gets, pointed at an emulator: its public key stands where the identity stood."""
    document = yaml.safe_load((COMPONENTS / "azure" / "image-records.yaml").read_text())
    values = {"url": url, "database": DATABASE, "collection": COLLECTION}
    entries = [entry for entry in document["spec"]["metadata"] if entry["name"] != "azureClientId"]
    document["spec"]["metadata"] = [
        {**entry, "value": values.get(entry["name"], entry["value"])} for entry in entries
    ] + [{"name": "masterKey", "value": PUBLIC_KEY}]
    return yaml.safe_dump(document, sort_keys=False)


def generation_of(sockets: Path) -> str | None:
    """Which component listens on the socket now; None while none does. A restarted one is another one."""
    try:
        found = (sockets / SOCKET).stat()
    except OSError:
        return None
    return f"{found.st_ino}-{found.st_ctime_ns}"


def write(folder: Path, files: Mapping[str, str]) -> list[str]:
    """Write what differs from what is there; give the names. daprd watches: it never sees half a file."""
    changed = []
    for name, content in files.items():
        target = folder / name
        if target.exists() and target.read_text() == content:
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        fresh = folder / f".{target.name}.new"
        fresh.write_text(content)
        fresh.replace(target)
        changed.append(name)
    return changed


def _with(source: Path, values: Mapping[tuple[str, str], str]) -> str:
    document: dict[str, Any] = yaml.safe_load(source.read_text())
    for entry in document["spec"].get("metadata", []):
        value = values.get((document["metadata"]["name"], entry["name"]))
        if value is not None:
            entry["value"] = value
    return yaml.safe_dump(document, sort_keys=False)
