"""The programs of the stack: how each is started and when it is ready."""

import os
import sys
from dataclasses import dataclass, field
from typing import Any

import yaml

from tools.setup import locations
from tools.stack.settings import DEVELOPMENT_KEY, ROOT, StackSettings


@dataclass(frozen=True)
class Program:
    """``ready`` is a URL that answers 200 when the program can be used. ``after``: names that must be ready first.

    ``reopens_streams``: its restart leaves the sidecars with dead subscription streams.
    """

    name: str
    argv: tuple[str, ...]
    ready: str
    env: dict[str, str] = field(default_factory=dict)
    after: tuple[str, ...] = ()
    reopens_streams: bool = False


def emulators_and_component(settings: StackSettings, sockets: str) -> list[Program]:
    """What stands in for Azure on one machine, and the pub/sub component."""
    ports = settings.ports
    return [
        Program(
            "event-grid",
            _python(
                "emulators.eventgrid", "--port", ports.event_grid, "--data", settings.data / "event-grid",
                "--config", ROOT / "emulators" / "local.eventgrid.yaml",
            ),
            f"{settings.url('event_grid')}/healthz",
        ),
        Program(
            "vision",
            _python(
                "emulators.vision", "--port", ports.vision, "--key", DEVELOPMENT_KEY, *settings.vision_arguments
            ),
            f"{settings.url('vision')}/healthz",
        ),
        Program(
            "storage",
            _python(
                "emulators.storage", "--port", ports.storage, "--azurite-port", ports.azurite,
                "--data", settings.data / "storage", "--event-grid", settings.url("event_grid"),
                "--event-grid-key", DEVELOPMENT_KEY, "--topic", "blob-created", "--container", "images",
            ),
            f"{settings.url('storage')}/healthz",
        ),
        Program(
            "component",
            _python("components.eventgrid_pubsub", "--http-port", ports.component),
            f"{settings.url('component')}/healthz",
            {"DAPR_COMPONENTS_SOCKETS_FOLDER": sockets},
            reopens_streams=True,
        ),
    ]  # fmt: skip


def services(settings: StackSettings, sockets: str) -> list[Program]:
    """The apps of dapr.yaml, each with its sidecar, as `dapr run` starts them."""
    document = yaml.safe_load((ROOT / "dapr.yaml").read_text())
    return [_service(app, document.get("common", {}), settings, sockets) for app in document["apps"]]


def _service(app: dict[str, Any], common: dict[str, Any], settings: StackSettings, sockets: str) -> Program:
    name = app["appID"]
    port = getattr(settings.ports, name)
    flags = {
        "--app-id": name,
        "--app-port": port,
        "--app-protocol": common["appProtocol"],
        "--dapr-http-port": getattr(settings.ports, f"{name}_dapr_http"),
        "--dapr-grpc-port": getattr(settings.ports, f"{name}_dapr_grpc"),
        "--metrics-port": getattr(settings.ports, f"{name}_dapr_metrics"),
        "--config": ROOT / common["configFilePath"],
        "--resources-path": settings.components,
        "--max-body-size": common["maxBodySize"],
        "--dapr-listen-addresses": common["apiListenAddresses"],
        # Nothing here uses actors or the scheduler; with an address their absence fills the log.
        "--placement-host-address": "",
        "--scheduler-host-address": "",
    }
    command = [sys.executable, *app["command"][1:]]
    argv = [
        str(locations.dapr_cli()),
        "run",
        *(str(part) for flag in flags.items() for part in flag),
        "--",
        *command,
    ]
    env = {
        **app.get("env", {}),
        "DAPR_RUNTIME_PATH": str(locations.dapr_runtime_path()),
        "DAPR_COMPONENTS_SOCKETS_FOLDER": sockets,
        "CLAIMLENS_PORT": str(port),
        "CLAIMLENS_VISION_ENDPOINT": settings.url("vision"),
        "CLAIMLENS_INGEST_PUBLIC_URL": settings.url("ingest"),
        "CLAIMLENS_QUERY_PUBLIC_URL": settings.url("query"),
        "CLAIMLENS_PICTURE_ORIGINS": settings.url("storage"),
        "CLAIMLENS_DATA_DIR": str(settings.data / "query"),
        **dict(settings.extra_env),
    }
    return Program(
        name,
        tuple(argv),
        f"{settings.url(name)}/readyz",
        env,
        after=("event-grid", "vision", "storage", "component"),
    )


def environment(program: Program) -> dict[str, str]:
    """The program's whole environment."""
    return {**os.environ, "PYTHONUNBUFFERED": "1", **program.env}


def _python(module: str, *arguments: object) -> tuple[str, ...]:
    return (sys.executable, "-m", module, *(str(argument) for argument in arguments))
