"""Go: the machine's or PyPI's, and a build whose modules and cache are gone afterwards."""

import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tools.setup import wheels
from tools.setup.versions import at_least
from tools.setup.work import Work

BUILD_TIMEOUT_S = 3600.0


def find_go(work: Work, min_version_of: Path) -> "Go":
    """A Go at least as new as the ``go`` line of the go.mod ``min_version_of``, else NoCompiler is raised."""
    found = re.search(r"^go (\S+)", min_version_of.read_text(), re.M)
    assert found is not None
    program = machine_go(found[1])
    if program is None:
        program = wheels.program("go", work) / "go" / "bin" / "go"
    return Go(program, work)


def machine_go(minimum: str) -> Path | None:
    """The machine's Go where it is new enough."""
    path = shutil.which("go")
    if not path:
        return None
    try:
        answer = subprocess.run([path, "version"], capture_output=True, text=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return Path(path) if at_least(answer.stdout, minimum) else None


class Go:
    """Builds in the step's scratch folder: modules (3.6 GB) and build cache (3.1 GB) go when the step ends."""

    def __init__(self, program: Path, work: Work) -> None:
        self._program = program
        self._work = work
        self._env = {
            "GOMODCACHE": str(work.scratch / "modules"),
            "GOCACHE": str(work.scratch / "cache"),
            "GOTMPDIR": str(work.scratch / "tmp"),
            # Read-only modules could not be removed again.
            "GOFLAGS": "-modcacherw",
            "GOTOOLCHAIN": "local",
            "GOWORK": "off",
            # For this machine, whatever the user builds for otherwise; and no C compiler needed.
            "GOOS": "",
            "GOARCH": "",
            "CGO_ENABLED": "0",
        }
        (work.scratch / "tmp").mkdir(exist_ok=True)

    def fetch(self, source: "Source", say: Callable[[str], None]) -> int:
        """Download the modules that ``source`` needs; give the number of its packages."""
        say("downloading modules")
        downloaded = _Counter("go: downloading", lambda count: say(f"{count} modules downloaded"))
        packages = self._run(
            ["list", *source.flags, "-deps", source.package], source, "Fetching the modules of", downloaded
        )
        return sum(1 for line in packages if not line.startswith("go: "))

    def build(self, source: "Source", into: Path, packages: int, say: Callable[[str], None]) -> None:
        """Build ``source``, whose modules are there, into the file ``into``; ``packages``: what ``fetch`` gave."""
        # At most: those that an earlier build has left in the cache are not compiled again.
        say("compiling")
        compiled = _Counter("", lambda count: say(f"{count} of at most {packages} packages"))
        # The linker leaves debugging data out (-s -w), so the compiler need not make it: an eighth of its time.
        linker = ["-trimpath", "-gcflags=all=-dwarf=false", "-ldflags", f"-s -w {source.variables}"]
        self._run(
            ["build", *source.flags, "-v", *linker, "-o", str(into), source.package],
            source,
            "Building",
            compiled,
        )

    def _run(
        self, arguments: list[str], source: "Source", what: str, on_line: Callable[[str], None]
    ) -> list[str]:
        return self._work.shell.run(
            [self._program, *arguments],
            what=f"{what} {source.package}",
            cwd=source.module,
            env=self._env,
            on_line=on_line,
            timeout_s=BUILD_TIMEOUT_S,
        )


@dataclass(frozen=True)
class Source:
    """What to build: a main package, as the go.mod in ``module`` pins it."""

    module: Path
    package: str
    tags: str = ""
    variables: str = ""
    """Linker flags that set variables, such as the version."""

    @property
    def flags(self) -> list[str]:
        return ["-mod=readonly", *(["-tags", self.tags] if self.tags else [])]


class _Counter:
    """Counts the lines that begin with ``prefix`` and tells the count."""

    def __init__(self, prefix: str, tell: Callable[[int], None]) -> None:
        self._prefix = prefix
        self._tell = tell
        self._count = 0

    def __call__(self, line: str) -> None:
        if line.startswith(self._prefix):
            self._count += 1
            self._tell(self._count)
