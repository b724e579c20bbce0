"""Dapr's programs, daprd and the CLI: installed ones where new enough, else built from pinned Go modules."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tools.setup import locations
from tools.setup.errors import CommandFailed, NoSpace
from tools.setup.golang import Source, find_go
from tools.setup.staging import link
from tools.setup.versions import at_least
from tools.setup.work import Work

DISK_NEEDED = 7 * 2**30
_VERSION_TIMEOUT_S = 20.0


@dataclass(frozen=True)
class Program:
    """One of the two. ``minimum``: the oldest installed one that is used instead of building."""

    name: str
    version: str
    minimum: str
    source: Source

    @property
    def path(self) -> Path:
        """Where it is in the cache; the CLI looks for daprd in ``.dapr/bin`` below DAPR_RUNTIME_PATH."""
        folder = ".dapr/bin" if self.name == "daprd" else "."
        return locations.dapr_home() / folder / self.name

    @property
    def record(self) -> Path:
        return locations.dapr_home() / f"{self.name}.json"


# Without a build tag daprd panics at its start: it holds no component at all.
DAPRD = Program(
    name="daprd",
    version=locations.DAPRD_VERSION,
    minimum="1.18.0",
    source=Source(
        module=locations.DAPR_MODULES,
        package="github.com/dapr/dapr/cmd/daprd",
        tags="stablecomponents",
        variables=f"-X github.com/dapr/dapr/pkg/buildinfo.version={locations.DAPRD_VERSION}",
    ),
)
CLI = Program(
    name="dapr",
    version=locations.DAPR_CLI_VERSION,
    minimum="1.16.0",
    source=Source(
        module=locations.DAPR_MODULES / "cli",
        package="github.com/dapr/cli",
        variables=f"-X main.version={locations.DAPR_CLI_VERSION} -X main.apiVersion=1.0",
    ),
)


class Dapr:
    name = "dapr"
    after = ()

    @property
    def key(self) -> str:
        return locations.dapr_home().name

    def is_complete(self) -> bool:
        return all(_in_place(program) for program in (DAPRD, CLI))

    def run(self, work: Work) -> None:
        missing = [program for program in (DAPRD, CLI) if not _in_place(program)]
        to_build = []
        for program in missing:
            work.say(f"looking for an installed {program.name}")
            found = installed(program)
            if found:
                link(found, program.path)
                _keep_record(program, "installed")
            else:
                to_build.append(program)
        if to_build:
            _check_space(locations.cache_dir())
            _build(to_build, work)


def installed(program: Program) -> Path | None:
    """The machine's own program where it is new enough. A build that tells no version (``edge``) is not."""
    for candidate in _candidates(program.name):
        if at_least(version_of(candidate), program.minimum):
            return candidate.absolute()
    return None


def version_of(path: Path) -> str:
    """What ``--version`` prints, empty where the program does not run."""
    try:
        answer = subprocess.run(
            [path, "--version"], capture_output=True, text=True, timeout=_VERSION_TIMEOUT_S, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return answer.stdout.strip()


def _candidates(name: str) -> list[Path]:
    homes = [Path(os.environ["DAPR_RUNTIME_PATH"])] if os.environ.get("DAPR_RUNTIME_PATH") else []
    homes.append(Path.home())
    paths = [home / ".dapr" / "bin" / name for home in homes]
    on_path = shutil.which(name)
    paths += [Path(on_path)] if on_path else []
    # A link into our own cache would come to point at itself.
    ours = locations.cache_dir().resolve()
    return [path for path in paths if os.access(path, os.X_OK) and not path.resolve().is_relative_to(ours)]


def _in_place(program: Program) -> bool:
    """Whether the program is there and still the one that was recorded: an installed one may change under its link."""
    try:
        record = json.loads(program.record.read_text())
        now = program.path.stat()
    except (OSError, ValueError):
        return False
    return (record.get("size"), record.get("mtime_ns")) == (now.st_size, now.st_mtime_ns)


def _keep_record(program: Program, origin: str) -> None:
    now = program.path.stat()
    record = {"origin": origin, "size": now.st_size, "mtime_ns": now.st_mtime_ns}
    fresh = program.record.with_suffix(".new")
    fresh.write_text(json.dumps(record))
    fresh.replace(program.record)


def _check_space(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free
    if free < DISK_NEEDED:
        raise NoSpace(
            f"Building Dapr takes {DISK_NEEDED / 2**30:.0f} GB of disk for a while, and {folder} has "
            f"{free / 2**30:.1f} GB free.",
            "Free some space, point CLAIMLENS_CACHE at a larger disk, or install Dapr "
            f"(daprd {DAPRD.minimum} and CLI {CLI.minimum} or newer are used as they are).",
        )


def _build(programs: list[Program], work: Work) -> None:
    go = find_go(work, min_version_of=locations.DAPR_MODULES / "go.mod")
    # The next program's modules come over the network while the first one compiles.
    with ThreadPoolExecutor(max_workers=1) as network:
        fetched = [network.submit(go.fetch, programs[0].source, _report(programs[0], work))]
        fetched += [network.submit(go.fetch, program.source, _silence) for program in programs[1:]]
        for program, packages in zip(programs, fetched, strict=True):
            made = work.scratch / program.name
            go.build(program.source, made, packages.result(), _report(program, work))
            printed = version_of(made)
            if program.version not in printed:
                raise CommandFailed(f"The {program.name} just built says {printed!r}, not {program.version}.")
            work.staging.publish(made, program.path)
            _keep_record(program, "built")


def _report(program: Program, work: Work) -> Callable[[str], None]:
    return lambda detail: work.say(f"building {program.name}: {detail}")


def _silence(_: str) -> None:
    pass
