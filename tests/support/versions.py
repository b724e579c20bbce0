"""Services as an older commit had them, each with a sidecar of its own, beside those of a running stack."""

import io
import json
import os
import signal
import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import httpx

from tests.support.ports import free_ports
from tests.support.stack import RunningStack
from tests.support.waiting import until_sync
from tools.stack.programs import environment, services
from tools.stack.settings import ROOT, StackSettings

# Before labels, requests to classify again, reviews, capture times and perceptual hashes.
OLDER: Final = "15c0168"

READY_S: Final = 60.0
STOP_S: Final = 30.0


def unpack(commit: str, folder: Path) -> Path:
    """The services of a commit, below ``folder``. Raises LookupError if the clone does not have it."""
    archive = subprocess.run(
        ["git", "archive", "--format=tar", commit, "services"], cwd=ROOT, capture_output=True, check=False
    )
    if archive.returncode:
        raise LookupError(f"no commit {commit} here, as in a shallow clone: git fetch --unshallow")
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as tar:
        tar.extractall(folder, filter="data")
    return folder


@dataclass
class OlderService:
    url: str
    log: Path

    def entries(self, event: str) -> list[dict[str, Any]]:
        """Entries of its JSON log with this event."""
        lines = (line[line.find("{") :] for line in self.log.read_text(errors="replace").splitlines())
        found = []
        for line in lines:
            try:
                entry = json.loads(line)
            except ValueError:
                continue
            if isinstance(entry, dict) and entry.get("event") == event:
                found.append(entry)
        return found

    def deliveries(self, topic: str, kind: str) -> int:
        """How many it has handled so, by its metrics."""
        text = httpx.get(f"{self.url}/metrics", timeout=5).raise_for_status().text
        return sum(
            int(float(line.rsplit(" ", 1)[1]))
            for line in text.splitlines()
            if "_deliveries_total{" in line and f'topic="{topic}"' in line and f'kind="{kind}"' in line
        )


@contextmanager
def beside(stack: RunningStack, name: str, tree: Path) -> Iterator[OlderService]:
    """Another replica of the app ``name``, from ``tree``, on the stack's components, emulators and subscriptions."""
    kinds = (name, f"{name}_dapr_http", f"{name}_dapr_grpc", f"{name}_dapr_metrics")
    ports = replace(stack.ports, **dict(zip(kinds, free_ports(len(kinds)), strict=True)))
    data = tree / ".data" / name
    extra = (("CLAIMLENS_DATA_DIR", str(data)), ("CLAIMLENS_LOG_FORMAT", "json"))
    settings = StackSettings(data=stack.data, ports=ports, extra_env=extra)
    program = next(each for each in services(settings, stack.sockets()) if each.name == name)
    log = tree / f"{name}.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            program.argv,
            cwd=tree,
            env={**environment(program), "PYTHONPATH": str(tree)},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
    try:

        def ready() -> bool:
            assert process.poll() is None, log.read_text(errors="replace")[-3000:]
            return httpx.get(program.ready, timeout=2).is_success

        until_sync(ready, READY_S, f"the older {name}")
        yield OlderService(settings.url(name), log)
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(STOP_S)
