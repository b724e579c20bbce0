"""Settings of the storage emulator, from the command line."""

import argparse
import os
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

# Azurite's published development account; every Azure SDK knows it as "UseDevelopmentStorage=true".
DEVELOPMENT_ACCOUNT = "devstoreaccount1"
DEVELOPMENT_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
EVENT_GRID_KEY = "claimlens-development-key"
CONTAINERS = ("images",)
SOURCE = (
    "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-claimlens"
    "/providers/Microsoft.Storage/storageAccounts/{account}"
)


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that can be set. ``azurite_command`` empty means: ask tools.setup where Azurite is."""

    port: int
    data: Path
    event_grid: str
    topic: str
    host: str = "127.0.0.1"
    event_grid_key: str = EVENT_GRID_KEY
    azurite_port: int = 10001
    azurite_url: str = ""
    azurite_command: tuple[str, ...] = ()
    account: str = DEVELOPMENT_ACCOUNT
    key: str = DEVELOPMENT_KEY
    containers: tuple[str, ...] = CONTAINERS
    source: str = ""
    public_url: str = ""
    log_level: str = "info"

    @property
    def upstream(self) -> str:
        """Address of Azurite, without the account and without a slash at the end."""
        return (self.azurite_url or f"http://127.0.0.1:{self.azurite_port}").rstrip("/")

    @property
    def event_source(self) -> str:
        """CloudEvents ``source``: the ARM id of the storage account."""
        return self.source or SOURCE.format(account=self.account)

    @property
    def endpoint(self) -> str:
        """Blob endpoint as clients know it, account included; the start of ``data.url``."""
        host = "127.0.0.1" if self.host in ("0.0.0.0", "::") else self.host
        return (self.public_url or f"http://{host}:{self.port}").rstrip("/") + f"/{self.account}"


def parse(arguments: Sequence[str] | None = None) -> Settings:
    """Settings from command line arguments (``sys.argv`` if none are given)."""
    parser = argparse.ArgumentParser(
        prog="python -m emulators.storage",
        description="Azurite with Event Grid's BlobCreated events: a streaming proxy.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--port", type=int, default=10000, help="blob endpoint: the port that clients use")
    add("--host", default="127.0.0.1", help="address to listen on")
    add(
        "--data",
        type=Path,
        required=True,
        help="folder for the blobs and the outbox of events; made if absent",
    )
    add("--event-grid", required=True, help="address of the Event Grid namespace (or its emulator)")
    add("--topic", default="blob-created", help="namespace topic that gets the events")
    add("--event-grid-key", default=EVENT_GRID_KEY, help="access key of the Event Grid namespace")
    add("--azurite-port", type=int, default=10001, help="loopback port for the Azurite that is started")
    add("--azurite-url", default="", help="use the Azurite that runs at this address instead of starting one")
    add(
        "--azurite-command",
        default=os.environ.get("CLAIMLENS_AZURITE", ""),
        help="command that starts azurite-blob, as for a shell (environment: CLAIMLENS_AZURITE); "
        "the set-up's Azurite if empty",
    )
    add("--account", default=DEVELOPMENT_ACCOUNT, help="storage account whose blobs raise events")
    add("--key", default=DEVELOPMENT_KEY, help="key of the account, to look at blobs and make containers")
    add(
        "--container",
        action="append",
        dest="containers",
        metavar="NAME",
        help="container to make at the start if absent; repeatable (default: images)",
    )
    add("--source", default="", help="CloudEvents source: ARM id of the account; a made-up one if empty")
    add(
        "--public-url",
        default="",
        help="address that clients use, for data.url; from --host and --port if empty",
    )
    add(
        "--log-level",
        default="info",
        choices=("debug", "info", "warning", "error"),
        help="least level to log",
    )
    values = vars(parser.parse_args(arguments))
    values["azurite_command"] = tuple(shlex.split(values["azurite_command"]))
    values["containers"] = tuple(values["containers"] or CONTAINERS)
    return Settings(**values)
