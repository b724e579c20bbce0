"""Processes of images in a network namespace of their own, with read-only roots: containers without an engine."""

import ctypes
import os
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeVar

from tests.support.images import Image
from tests.support.waiting import until_sync

T = TypeVar("T")
START_TIMEOUT_S: Final = 10.0
STOP_TIMEOUT_S: Final = 30.0
_CLONE_NEWNET: Final = 0x40000000

# $1: root; the lines of $MOUNTS: SOURCE TARGET MODE, a source of - being a tmpfs. The rest: user, then the command.
_ENTER: Final = """
set -e
root=$1; user=$2; shift 2
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
printf '%s\\n' "$MOUNTS" | while read -r source target mode; do
  [ -n "$source" ] || continue
  [ -e "$root$target" ] || if [ -f "$source" ]; then touch "$root$target"; else mkdir -p "$root$target"; fi
  if [ "$source" = - ]; then mount -t tmpfs -o mode=1777 tmpfs "$root$target"
  else mount --bind "$source" "$root$target"; [ "$mode" = rw ] || mount -o "remount,bind,$mode" "$root$target"; fi
done
mount -o remount,bind,ro "$root"
exec chroot --userspec="$user" --groups= "$root" "$@"
"""


@dataclass(frozen=True)
class Mount:
    """``source`` None: a tmpfs."""

    target: str
    source: Path | None = None
    mode: str = "rw"


@dataclass
class Container:
    """A started process. Ended with SIGTERM to itself, as an engine does; ``log`` has its output."""

    name: str
    process: subprocess.Popen[bytes]
    log_file: Path
    pid: int = 0

    @property
    def log(self) -> str:
        return self.log_file.read_text(errors="replace")

    def running(self) -> bool:
        return self.process.poll() is None

    def signal(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    def stop(self) -> int:
        """SIGTERM, and the exit code. SIGKILL if that takes too long."""
        if self.running():
            self.signal(signal.SIGTERM)
        try:
            return self.process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            return self.process.wait(STOP_TIMEOUT_S)


@dataclass
class Pod:
    """A network namespace with nothing but loopback, and the containers in it."""

    holder: subprocess.Popen[bytes]
    folder: Path
    inside: ThreadPoolExecutor
    containers: list[Container] = field(default_factory=list)

    def call(self, function: Callable[[], T], timeout_s: float = 60.0) -> T:
        """Call it in a thread whose sockets are the pod's."""
        return self.inside.submit(function).result(timeout_s)

    def start(
        self,
        name: str,
        root: Path,
        image: Image,
        *,
        command: Sequence[str] = (),
        env: Mapping[str, str] | None = None,
        user: str = "",
        mounts: Sequence[Mount] = (Mount("/tmp"),),
    ) -> Container:
        """Start what the image says, or ``command``, on a read-only root."""
        log_file = self.folder / f"{name}.log"
        with log_file.open("ab") as log:
            process = subprocess.Popen(
                self._command(root, image, command or image.command, env or {}, user, mounts),
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                env={**os.environ, "MOUNTS": _lines(mounts)},
                start_new_session=True,
            )
        container = Container(name, process, log_file)
        self.containers.append(container)
        container.pid = until_sync(lambda: _inner(process), START_TIMEOUT_S, f"{name} started")
        return container

    def execute(
        self,
        root: Path,
        image: Image,
        command: Sequence[str],
        env: Mapping[str, str] | None = None,
        mounts: Sequence[Mount] = (Mount("/tmp"),),
    ) -> "subprocess.CompletedProcess[str]":
        """Run a command to its end as `docker exec` would."""
        return subprocess.run(
            self._command(root, image, command, env or {}, "", mounts),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            env={**os.environ, "MOUNTS": _lines(mounts)},
        )

    def _command(
        self,
        root: Path,
        image: Image,
        command: Sequence[str],
        env: Mapping[str, str],
        user: str,
        mounts: Sequence[Mount],
    ) -> list[str]:
        whole = {"HOME": "/nonexistent", **image.env, **env}
        return [
            *("nsenter", f"--net=/proc/{self.holder.pid}/ns/net"),
            *("unshare", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child"),
            *("sh", "-c", _ENTER, "enter", str(root), user or image.user or "0:0"),
            *("/usr/bin/env", "-i", "-C", image.directory or "/"),
            *(f"{name}={value}" for name, value in whole.items()),
            *command,
        ]


def _lines(mounts: Sequence[Mount]) -> str:
    return "\n".join(f"{mount.source or '-'} {mount.target} {mount.mode}" for mount in mounts)


def _inner(process: subprocess.Popen[bytes]) -> int:
    """The process that unshare forked: the container's first."""
    assert process.poll() is None, f"ended with {process.returncode}"
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    return int(children[0]) if children else 0


@contextmanager
def pod(folder: Path) -> Iterator[Pod]:
    """A pod; its containers are ended on the way out, the last one first."""
    holder = subprocess.Popen(
        ["unshare", "--net", "sh", "-c", "ip link set lo up && echo up && exec sleep infinity"],
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"up\n"
        namespace = os.open(f"/proc/{holder.pid}/ns/net", os.O_RDONLY)
        with ThreadPoolExecutor(1, initializer=lambda: _enter_namespace(namespace)) as inside:
            made = Pod(holder, folder, inside)
            try:
                yield made
            finally:
                for container in reversed(made.containers):
                    container.stop()
        os.close(namespace)
    finally:
        os.killpg(holder.pid, signal.SIGKILL)
        holder.wait(STOP_TIMEOUT_S)
        if holder.stdout:
            holder.stdout.close()


def _enter_namespace(namespace: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(namespace, _CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")
