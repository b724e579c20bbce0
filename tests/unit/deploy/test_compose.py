"""docker-compose.yml is valid and agrees with the rest; the check sees each kind of slip."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest

from tools.checks.compose import Compose, faults, load

Services = dict[str, Any]


def test_the_file_is_right() -> None:
    assert faults(load()) == []


def flag(services: Services, service: str, old: str, new: str) -> None:
    command = services[service]["command"]
    command[command.index(old)] = new


PLANTED: list[tuple[str, Callable[[Services], Any]]] = [
    ("portz", lambda s: s["ingest"].update(portz=[])),
    ("is not of type", lambda s: s["ingest"].update(restart=7)),
    ("network_mode names no service", lambda s: s["ingest"].update(network_mode="service:host")),
    ("depends on azurit,", lambda s: s["storage"]["depends_on"].update(azurit={"condition": "service_started"})),
    ("has no health check", lambda s: s["azurite"].pop("healthcheck")),
    ("in a circle", lambda s: s["event-grid"]["depends_on"].update(storage={"condition": "service_started"})),
    ("volume idx is not declared", lambda s: s["query"].update(volumes=["idx:/data"])),
    ("pause has no version", lambda s: s["pod"].update(image="registry.k8s.io/pause")),
    ("root file system can be written", lambda s: s["component"].update(read_only=False)),
    ("keeps capabilities", lambda s: s["vision"].pop("cap_drop")),
    ("can gain privileges", lambda s: s["query"].pop("security_opt")),
    ("runs as root", lambda s: s["ingest-dapr"].update(user="0:0")),
    ("publishes ports", lambda s: s["classifier"].update(ports=["8002:8002"])),
    ("query-dapr: missing", lambda s: s.pop("query-dapr")),
    ("--app-port is 1, in dapr.yaml 8001", lambda s: flag(s, "ingest-dapr", "--app-port=8001", "--app-port=1")),
    ("--max-body-size is 4Mi", lambda s: flag(s, "query-dapr", "--max-body-size=32Mi", "--max-body-size=4Mi")),
    ("does not share /tmp/dapr-components", lambda s: s["query-dapr"].update(volumes=["components:/components"])),
    ("CLAIMLENS_VISION_KEY is None", lambda s: s["classifier"]["environment"].pop("CLAIMLENS_VISION_KEY")),
    ("no setting is called CLAIMLENS_PUBLIC", lambda s: s["query"]["environment"].update(CLAIMLENS_PUBLIC="x")),
    ("its sidecar listens on 50012", lambda s: s["classifier"]["environment"].update(DAPR_GRPC_PORT="50001")),
    ("built with", lambda s: s["query"]["build"].update(args={"SERVICE": "ingest"})),
    ("vision: missing", lambda s: s.pop("vision")),
    ("storage: --topic is blob", lambda s: flag(s, "storage", "--topic=blob-created", "--topic=blob")),
    ("event-grid: --port is 10011", lambda s: flag(s, "event-grid", "--port=10010", "--port=10011")),
    ("its health check asks port 1", lambda s: s["vision"]["environment"].update(PORT="1")),
    ("Azurite listens on 10002", lambda s: flag(s, "azurite", "--blobPort=10001", "--blobPort=10002")),
    ("component: its port is not", lambda s: s["component"]["environment"].update(EVENTGRID_PUBSUB_HTTP_PORT="1")),
    ("not the same port", lambda s: s["pod"]["ports"].append("80:8003")),
    ("the port of query (8003) is not published", lambda s: s["pod"]["ports"].remove("127.0.0.1:8003:8003")),
    ("daprio/daprd 1.17.0", lambda s: s["ingest-dapr"].update(image="daprio/daprd:1.17.0")),
]  # fmt: skip


@pytest.mark.parametrize(("says", "plant"), PLANTED, ids=[says for says, _ in PLANTED])
def test_a_planted_fault_is_found(says: str, plant: Callable[[Services], Any]) -> None:
    broken: Compose = deepcopy(load())
    plant(broken["services"])
    found = faults(broken)
    assert any(says in fault for fault in found), found
