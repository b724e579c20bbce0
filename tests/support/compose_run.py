"""docker-compose.yml carried out without an engine: its order, commands, variables, users, volumes, health checks.

What cannot be pulled here is put in: daprd and Azurite are those of `make setup`. Everything else is the images'.
"""

import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from tests.support.images import BASE, Image, Store
from tests.support.pods import Container, Mount, Pod
from tests.support.waiting import until_sync
from tools.checks.compose.model import Compose, environment, volumes
from tools.setup import locations

HEALTHY_TIMEOUT_S: Final = 90.0
DAPRD: Final = "daprio/daprd"
AZURITE: Final = "mcr.microsoft.com/azure-storage/azurite"
PAUSE: Final = "registry.k8s.io/pause"
Start = Callable[[Mapping[str, str]], Container]


@dataclass
class Running:
    """A stack that is up. ``again`` starts one service anew, as `restart: unless-stopped` does."""

    pod: Pod
    starters: dict[str, Start] = field(default_factory=dict)
    containers: dict[str, Container] = field(default_factory=dict)

    def again(self, name: str, **more: str) -> Container:
        """``more``: further variables."""
        self.containers[name] = self.starters[name](more)
        return self.containers[name]

    def run(self, command: Sequence[str], timeout_s: float = 120) -> "subprocess.CompletedProcess[str]":
        """A program of this machine, in the pod's network."""
        return subprocess.run(
            ["nsenter", f"--net=/proc/{self.pod.holder.pid}/ns/net", *command],
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )

    def logs(self, lines: int = 12) -> str:
        return "\n".join(
            f"== {name}\n" + "\n".join(one.log.splitlines()[-lines:]) for name, one in self.containers.items()
        )


@contextmanager
def up(
    compose: Compose, images: Mapping[str, Image], store: Store, pod: Pod, folder: Path
) -> Iterator[Running]:
    """Start every service that is in no profile. ``images``: by the name that the compose file gives them."""
    running = Running(pod)
    base = replace(
        store.inspect(BASE), directory="/", env={"PATH": "/usr/local/bin:/usr/bin:/bin"}, user="65532:65532"
    )
    with ExitStack() as stack:
        for name in order(compose):
            service = compose["services"][name]
            image = service["image"].partition(":")[0]
            if image == PAUSE:
                continue
            if image == AZURITE:
                running.starters[name] = _azurite(pod, service, folder / "volumes" / "blobs")
                running.again(name)
                continue
            tag = BASE if image == DAPRD else images[image].tag
            root = stack.enter_context(store.mounted(tag))
            mounts = _mounts(service, folder / "volumes")
            if image == DAPRD:
                mounts.append(Mount("/daprd", locations.daprd().resolve(), "ro"))
            made = base if image == DAPRD else images[image]
            running.starters[name] = _starter(pod, name, root, made, service, mounts)
            running.again(name)
            _wait_healthy(running, name, root, made, service, mounts)
        yield running


def order(compose: Compose) -> list[str]:
    """Services, each after those it depends on."""
    done: list[str] = []

    def visit(name: str) -> None:
        if name in done or "profiles" in compose["services"][name]:
            return
        for needed in compose["services"][name].get("depends_on", {}):
            visit(needed)
        done.append(name)

    for name in compose["services"]:
        visit(name)
    return done


def _starter(
    pod: Pod, name: str, root: Path, image: Image, service: dict[str, Any], mounts: list[Mount]
) -> Start:
    command = [word.replace("${CLAIMLENS_RECORDS:-sqlite}", "sqlite") for word in service.get("command", [])]
    env = {key: value for key, value in environment(service).items() if not value.startswith("${")}
    user = service.get("user", "")
    return lambda more: pod.start(
        name, root, image, command=command, env={**env, **more}, user=user, mounts=mounts
    )


def _mounts(service: dict[str, Any], folder: Path) -> list[Mount]:
    found = [Mount(target) for target in service.get("tmpfs", [])]
    for entry in service.get("volumes", []):
        target = entry.split(":")[1]
        source = folder / volumes(service)[target]
        if not source.exists():
            source.mkdir(parents=True)
            # An engine gives a new volume the owner of what it covers in the image.
            subprocess.run(["chown", "10001:10001", str(source)], check=True, timeout=10)
        found.append(Mount(target, source, "ro" if entry.endswith(":ro") else "rw"))
    return sorted(found, key=lambda mount: len(mount.target))


def _azurite(pod: Pod, service: dict[str, Any], location: Path) -> Start:
    options = [word for word in service["command"][1:] if not word.startswith("--location")]

    def start(_: Mapping[str, str]) -> Container:
        location.mkdir(parents=True, exist_ok=True)
        log_file = pod.folder / "azurite.log"
        with log_file.open("ab") as log:
            process = subprocess.Popen(
                [
                    *("nsenter", f"--net=/proc/{pod.holder.pid}/ns/net"),
                    *(*locations.azurite("blob"), *options, f"--location={location}"),
                ],
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        container = Container("azurite", process, log_file, process.pid)
        pod.containers.append(container)
        return container

    return start


def _wait_healthy(
    running: Running, name: str, root: Path, image: Image, service: dict[str, Any], mounts: list[Mount]
) -> None:
    """For those whose health others wait for; a service is started before its sidecar, and gets ready after it."""
    check = service.get("healthcheck", {}).get("test") or list(image.health)
    if not check or any("/readyz" in word for word in check):
        return
    env = environment(service)
    # In place of a container's own volumes: one health check beside a running process, as `docker exec` sees it.
    until_sync(
        lambda: running.pod.execute(root, image, check[1:], env, mounts).returncode == 0,
        HEALTHY_TIMEOUT_S,
        f"{name} healthy; its log: {running.containers[name].log[-2000:]}",
    )
