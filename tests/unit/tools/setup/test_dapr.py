"""Which Dapr is used, and when one is built."""

import json
from pathlib import Path

import pytest

from tools.setup import dapr, locations
from tools.setup.dapr import CLI, DAPRD, Dapr, installed
from tools.setup.errors import NoSpace
from tools.setup.work import Work


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without any Dapr."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    monkeypatch.delenv("DAPR_RUNTIME_PATH", raising=False)
    return tmp_path / "home"


def program(path: Path, prints: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho '{prints}'\n")
    path.chmod(0o755)
    return path


def test_daprd_of_dapr_init_is_used(home: Path, cache: Path) -> None:
    found = program(home / ".dapr" / "bin" / "daprd", "1.18.1")
    assert installed(DAPRD) == found


def test_daprd_under_the_runtime_path_comes_first(
    home: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(home / ".dapr" / "bin" / "daprd", "1.18.1")
    found = program(tmp_path / "run" / ".dapr" / "bin" / "daprd", "1.19.0")
    monkeypatch.setenv("DAPR_RUNTIME_PATH", str(tmp_path / "run"))
    assert installed(DAPRD) == found


@pytest.mark.parametrize("prints", ["1.17.9", "edge", "1.18.0-rc.2", ""])
def test_an_older_or_unknown_daprd_is_not(home: Path, cache: Path, prints: str) -> None:
    program(home / ".dapr" / "bin" / "daprd", prints)
    assert installed(DAPRD) is None


def test_cli_on_path(home: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = program(tmp_path / "bin" / "dapr", "CLI version: 1.16.0 \nRuntime version: 1.18.2")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    assert installed(CLI) == found


def test_a_daprd_that_does_not_run_is_not_used(home: Path, cache: Path) -> None:
    broken = program(home / ".dapr" / "bin" / "daprd", "1.18.2")
    broken.write_text("no program")
    assert installed(DAPRD) is None


def test_a_link_into_our_own_cache_is_not_used(home: Path, cache: Path) -> None:
    ours = program(locations.dapr_home() / ".dapr" / "bin" / "daprd", "1.18.2")
    (home / ".dapr" / "bin").mkdir(parents=True)
    (home / ".dapr" / "bin" / "daprd").symlink_to(ours)
    assert installed(DAPRD) is None


def test_installed_programs_are_linked_and_nothing_is_built(
    home: Path, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(home / ".dapr" / "bin" / "daprd", "1.18.3")
    program(home / ".dapr" / "bin" / "dapr", "CLI version: 1.17.0")
    step = Dapr()
    assert not step.is_complete()
    step.run(work)
    assert step.is_complete()
    assert locations.daprd().resolve() == home / ".dapr" / "bin" / "daprd"
    assert json.loads(DAPRD.record.read_text())["origin"] == "installed"

    # Somebody replaces the installed one, perhaps by an older: looked at anew.
    program(home / ".dapr" / "bin" / "daprd", "1.17.0 is longer")
    assert not step.is_complete()
    (home / ".dapr" / "bin" / "daprd").unlink()
    assert not step.is_complete()


def test_too_small_a_disk_is_said_before_the_build(
    home: Path, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dapr, "DISK_NEEDED", 2**60)
    with pytest.raises(NoSpace, match="CLAIMLENS_CACHE") as caught:
        Dapr().run(work)
    assert "GB free" in str(caught.value)
    assert not work.shell.log.exists()


def test_how_go_is_asked_to_build(
    home: Path, work: Work, tmp_path: Path, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The whole build with a made-up Go that writes what it was asked into the program it makes."""
    asked = tmp_path / "asked"
    go = tmp_path / "bin" / "go"
    program(go, "unused").write_text(
        f"""#!/bin/sh
case $1 in
version) echo go version go1.26.9 linux/amd64; exit;;
list) echo "go: downloading example.org/one v1.0.0"; echo one; echo two; exit;;
esac
echo "$GOTOOLCHAIN $GOWORK $GOFLAGS $CGO_ENABLED $*" >> {asked}
for last; do :; done
while [ "$1" != -o ]; do shift; done
case $last in *daprd) v=1.18.2;; *) v=1.16.5;; esac
echo one; echo two
printf '#!/bin/sh\\necho %s\\n' $v > "$2"; chmod +x "$2"
"""
    )
    monkeypatch.setenv("PATH", f"{go.parent}:/usr/bin:/bin")
    Dapr().run(work)
    assert Dapr().is_complete()
    for_daprd, for_cli = asked.read_text().splitlines()
    for line in (for_daprd, for_cli):
        assert line.startswith("local off -modcacherw 0 build -mod=readonly ")
        assert "-trimpath" in line
    assert "-tags stablecomponents" in for_daprd
    assert "-X github.com/dapr/dapr/pkg/buildinfo.version=1.18.2" in for_daprd
    assert "-X main.version=1.16.5" in for_cli
    assert dapr.version_of(locations.daprd()) == "1.18.2"
    assert "building daprd: 2 of at most 2 packages" in said
