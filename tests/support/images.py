"""Container images built by buildah without a container engine, and their processes started as the images say.

Where nothing can be pulled, the base that the Dockerfiles ask for is a debootstrap tree of the same Debian with the
same minor version of Python, under the same name. Processes get the image's user, environment, directory and command
in a chroot of their own whose root is read-only, and a network namespace that several can share, as in a pod.
"""

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tools.setup import locations

ROOT: Final = Path(__file__).resolve().parents[2]
BASE: Final = "docker.io/library/python:3.11-slim-bookworm"
SUITE: Final = "bookworm"
PACKAGES: Final = "python3.11,python3-venv,python3-pip,ca-certificates"
BASE_TIMEOUT_S: Final = 420
BUILD_TIMEOUT_S: Final = 420
COMMAND_TIMEOUT_S: Final = 60
LAYERS_KEPT: Final = 250
PIP_CONF: Final = "/etc/pip.conf"


class BuildFailed(Exception):
    """The end of what buildah or debootstrap printed."""


def why_not() -> str:
    """Why images cannot be built here; empty where they can."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return "needs root on Linux: debootstrap, chroot and namespaces"
    missing = [
        name for name in ("buildah", "debootstrap", "unshare", "nsenter", "ip") if not shutil.which(name)
    ]
    return (
        f"not installed: {', '.join(missing)} (Debian: apt-get install {' '.join(missing)})"
        if missing
        else ""
    )


@dataclass(frozen=True)
class Image:
    """What `buildah inspect` says of an image that a test needs. ``size``: bytes, base included."""

    tag: str
    size: int
    user: str
    directory: str
    env: dict[str, str]
    command: tuple[str, ...]
    health: tuple[str, ...]
    labels: dict[str, str]


class Store:
    """buildah's storage in the set-up's cache, so that layers are built once. One process uses it at a time."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder or locations.cache_dir() / "images"
        self._folder.mkdir(parents=True, exist_ok=True)

    @contextmanager
    def alone(self) -> Iterator[None]:
        with (self._folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self.buildah("rm", "--all")  # what a killed run left behind
            if len(self.buildah("images", "--all", "--quiet").split()) > LAYERS_KEPT:
                self.buildah("rmi", "--prune", "--force", timeout_s=BUILD_TIMEOUT_S)
            yield

    def buildah(self, *arguments: str, timeout_s: float = COMMAND_TIMEOUT_S) -> str:
        """Run it and give what it printed. Raises BuildFailed."""
        places = ["--root", str(self._folder / "storage"), "--runroot", str(self._folder / "run")]
        return _run(["buildah", *places, *arguments], timeout_s)

    def ensure_base(self) -> None:
        """Import the debootstrap tree under the base's name, once. Raises BuildFailed."""
        if BASE in self.buildah("images", "--format", "{{.Name}}:{{.Tag}}"):
            return
        tree = self._folder / "base"
        shutil.rmtree(tree, ignore_errors=True)
        _run(["debootstrap", "--variant=minbase", f"--include={PACKAGES}", SUITE, str(tree)], BASE_TIMEOUT_S)
        for name in ("python", "python3"):
            (tree / "usr/local/bin" / name).symlink_to("/usr/bin/python3.11")
        for waste in ("var/cache/apt/archives", "var/lib/apt/lists", "usr/share/doc", "usr/share/locale"):
            shutil.rmtree(tree / waste)
            (tree / waste).mkdir()
        container = self.buildah("from", "scratch").strip()
        self.buildah("add", "--quiet", container, str(tree), "/", timeout_s=BUILD_TIMEOUT_S)
        self.buildah("commit", "--quiet", "--rm", container, BASE, timeout_s=BUILD_TIMEOUT_S)
        shutil.rmtree(tree)

    def build(self, dockerfile: str, tag: str, scratch: Path, **arguments: str) -> Image:
        """An image of deploy/images/: built, unless the same was built of the same files before. Raises BuildFailed."""
        made = self._folder / "made" / _fingerprint(dockerfile, arguments, self._id(BASE))
        if made.is_file() and made.read_text() in self.buildah("images", "--all", "--no-trunc", "--quiet"):
            self.buildah("tag", made.read_text(), tag)
            return self.inspect(tag)
        given = [f"--build-arg={name}={value}" for name, value in arguments.items()]
        self.buildah(
            *("bud", "--isolation=chroot", "--pull-never", "--format=docker", "--layers"),
            *(f"--volume={source}:{target}:ro" for source, target in _registry_settings(scratch).items()),
            *(*given, f"--file={ROOT / 'deploy/images' / dockerfile}", f"--tag={tag}", str(ROOT)),
            timeout_s=BUILD_TIMEOUT_S,
        )
        made.parent.mkdir(exist_ok=True)
        made.write_text(self._id(tag))
        return self.inspect(tag)

    def _id(self, tag: str) -> str:
        return self.buildah("inspect", "--type=image", "--format={{.FromImageID}}", tag).strip()

    def inspect(self, tag: str) -> Image:
        found: dict[str, Any] = json.loads(self.buildah("inspect", "--type=image", tag))
        config = found["Docker"]["config"]
        return Image(
            tag=tag,
            size=int(found["Docker"].get("size") or 0) or self._size(tag),
            user=config.get("User", ""),
            directory=config.get("WorkingDir", ""),
            env=dict(entry.split("=", 1) for entry in config.get("Env") or ()),
            command=tuple(config.get("Cmd") or ()),
            health=tuple((config.get("Healthcheck") or {}).get("Test") or ()),
            labels=config.get("Labels") or {},
        )

    def _size(self, tag: str) -> int:
        images = json.loads(self.buildah("images", "--json"))
        sizes = {name: image["size"] for image in images for name in image.get("names") or ()}
        return _bytes(sizes[tag])

    @contextmanager
    def mounted(self, tag: str) -> Iterator[Path]:
        """The image's file system, a container's own copy."""
        container = self.buildah("from", "--pull-never", tag).strip()
        try:
            yield Path(self.buildah("mount", container).strip())
        finally:
            self.buildah("rm", container)


def _fingerprint(dockerfile: str, arguments: Mapping[str, str], base: str) -> str:
    """Of all that an image is made of: the build's context as .dockerignore lets it through, and what it is told."""
    told = hashlib.sha256(json.dumps([dockerfile, sorted(arguments.items()), base]).encode())
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    for top in (ROOT / line[1:] for line in lines if line.startswith("!")):
        for path in sorted(top.rglob("*")) if top.is_dir() else [top]:
            if path.is_file() and path.suffix != ".pyc":
                told.update(f"{path.relative_to(ROOT)}\0{path.stat().st_size}\0".encode() + path.read_bytes())
    return told.hexdigest()


def _bytes(text: str) -> int:
    number, unit = text.split()
    return int(float(number) * {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9}[unit.upper()])


def _registry_settings(scratch: Path) -> Mapping[str, str]:
    """This machine's way to PyPI, mounted for the build alone: file here → file in the build."""
    # The environment has no pip; the Python that it was made from has.
    python = getattr(sys, "_base_executable", sys.executable)
    answer = _run([python, "-m", "pip", "config", "list"], COMMAND_TIMEOUT_S)
    settings = {
        line.partition("=")[0].rpartition(".")[2]: line.partition("=")[2].strip("'\"")
        for line in answer.splitlines()
    }
    wanted: dict[str, str] = {
        name: settings[name] for name in ("index-url", "extra-index-url", "trusted-host", "proxy") if name in settings
    }  # fmt: skip
    mounts = {}
    if cert := settings.get("cert"):
        wanted["cert"] = "/etc/ssl/certs/ca-certificates.crt"
        mounts[cert] = wanted["cert"]
    conf = scratch / "pip.conf"
    conf.write_text("\n".join(["[global]", *(f"{name} = {value}" for name, value in wanted.items())]) + "\n")
    return {**mounts, str(conf): PIP_CONF}


def _run(command: Sequence[str], timeout_s: float) -> str:
    try:
        answer = subprocess.run(
            command, capture_output=True, text=True, timeout=timeout_s, check=False, start_new_session=True
        )
    except subprocess.TimeoutExpired as error:
        raise BuildFailed(f"{command[0]}: not within {timeout_s:g} s") from error
    if answer.returncode:
        tail = "\n".join((answer.stdout + answer.stderr).splitlines()[-40:])
        raise BuildFailed(f"{' '.join(command[:6])} … ended with {answer.returncode}:\n{tail}")
    return answer.stdout
