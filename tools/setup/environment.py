"""The environment ``.venv``: made and kept exactly as requirements.lock says, by uv."""

import hashlib
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

from tools.setup import locations, wheels
from tools.setup.versions import at_least
from tools.setup.work import Work

PYTHON_MINIMUM = "3.11"


class Environment:
    name = "environment"
    after = ()

    def __init__(self, root: Path = locations.ROOT) -> None:
        self._root = root
        self._venv = root / ".venv"
        self._lock = root / "requirements.lock"
        self._marker = self._venv / ".claimlens-setup"

    @property
    def key(self) -> str:
        # A copied checkout needs an environment of its own: scripts name their interpreter by its whole path.
        where = hashlib.sha256(str(self._root).encode()).hexdigest()[:8]
        return f"{where}-{locations.digest(self._lock, locations.PINS / 'uv.txt')}"

    def is_complete(self) -> bool:
        if not (self._venv / "bin" / "python").exists() or not self._marker.is_file():
            return False
        return self._marker.read_text() == self.key

    def run(self, work: Work) -> None:
        uv = uv_program(work)
        env = {"UV_NO_PROGRESS": "1", "UV_PYTHON_DOWNLOADS": "never", "VIRTUAL_ENV": "", **mirror_for_uv()}
        if not self._usable():
            work.say("making .venv")
            base = getattr(sys, "_base_executable", sys.executable)
            work.shell.run(
                [uv, "venv", "--clear", "--python", base, self._venv],
                what="Making the environment .venv",
                cwd=self._root,
                env=env,
            )
        self._marker.unlink(missing_ok=True)
        work.say("installing packages")
        # Compiled here: where Python may not write bytecode, every start of a service would compile for a second.
        options = ["--require-hashes", "--compile-bytecode", "--python", str(self._venv / "bin" / "python")]
        work.shell.run(
            [uv, "pip", "sync", *options, self._lock],
            what="Installing the packages of requirements.lock",
            cwd=self._root,
            env=env,
            on_line=work.say,
        )
        self._command()
        self._marker.write_text(self.key)

    def _command(self) -> None:
        """``.venv/bin/claimlens``: the command line of this checkout, from any folder."""
        script = self._venv / "bin" / "claimlens"
        script.write_text(
            f"#!{self._venv / 'bin' / 'python'}\n"
            f"import sys\n\nsys.path.insert(0, {str(self._root)!r})\n"
            "from cli.main import app\n\napp(prog_name='claimlens')\n"
        )
        script.chmod(0o755)

    def _usable(self) -> bool:
        """Whether there is an environment whose Python runs and is new enough."""
        config = self._venv / "pyvenv.cfg"
        if not config.is_file() or not (self._venv / "bin" / "python").exists():
            return False
        settings = dict(line.split(" = ", 1) for line in config.read_text().splitlines() if " = " in line)
        version = settings.get("version_info") or settings.get("version") or ""
        return at_least(version, PYTHON_MINIMUM)


def uv_program(work: Work) -> Path:
    """uv, from the cache or fetched now."""
    unpacked = wheels.program("uv", work)
    return unpacked / f"uv-{wheels.version('uv')}.data" / "scripts" / "uv"


def mirror_for_uv() -> dict[str, str]:
    """The variables that send uv to the mirror that the user's pip is set to, where uv has no setting of its own.

    uv does not read pip's settings: behind a mirror that only pip was told of it would find nothing.
    """
    homes = [os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config"), "/etc"]
    told = any(
        os.environ.get(name) for name in ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_INDEX", "UV_CONFIG_FILE")
    )
    if told or any(Path(home, "uv", "uv.toml").is_file() for home in homes):
        return {}
    index = os.environ.get("PIP_INDEX_URL") or _pip_setting("global.index-url")
    return {"UV_DEFAULT_INDEX": index} if index else {}


def _pip_setting(name: str) -> str:
    if not importlib.util.find_spec("pip"):
        return ""
    # Not `config get`: that passes over the file that PIP_CONFIG_FILE names.
    command = [sys.executable, "-m", "pip", "config", "list"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    except (OSError, subprocess.SubprocessError):
        return ""
    found = [line.partition("=")[2] for line in answer.stdout.splitlines() if line.startswith(f"{name}=")]
    return found[0].strip("'\"") if found else ""
