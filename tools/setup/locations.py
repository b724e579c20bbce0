"""Where the set-up puts things. Standard library alone, no processes started: cheap enough for every start and test.

Cache: ``$CLAIMLENS_CACHE``, else ``$XDG_CACHE_HOME/claimlens``, else ``~/.cache/claimlens``. Below it every folder
bears a key of versions and checksums, so that checkouts of different ages share a cache without disturbing each
other. Each function raises NotSetUp where the thing is missing.
"""

import hashlib
import os
import platform
from functools import cache
from pathlib import Path

from tools.setup.errors import NotSetUp

ROOT = Path(__file__).resolve().parents[2]
DAPRD_VERSION = "1.18.2"
DAPR_CLI_VERSION = "1.16.5"
DAPR_MODULES = ROOT / "tools" / "dapr"
AZURITE_LOCK = ROOT / "tools" / "azurite" / "package-lock.json"
PINS = ROOT / "tools" / "setup" / "pins"
SAMPLES_SPEC = ROOT / "tools" / "setup" / "samples.json"


def cache_dir() -> Path:
    """The cache's root; it need not exist."""
    chosen = os.environ.get("CLAIMLENS_CACHE")
    if chosen:
        return Path(chosen).expanduser().absolute()
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base).expanduser() if base else Path.home() / ".cache").absolute() / "claimlens"


def daprd() -> Path:
    """Dapr's sidecar."""
    return _there(dapr_home() / ".dapr" / "bin" / "daprd", "daprd")


def dapr_cli() -> Path:
    """Dapr's command line."""
    return _there(dapr_home() / "dapr", "The dapr CLI")


def dapr_runtime_path() -> Path:
    """What ``DAPR_RUNTIME_PATH`` must be for the dapr CLI to find our daprd."""
    daprd()
    return dapr_home()


def node() -> Path:
    """The Node that runs Azurite."""
    return _there(azurite_home() / "node", "Node")


def azurite(service: str = "") -> list[str]:
    """Azurite's command. ``service``: ``blob``, ``queue`` or ``table`` for that one alone, empty for all three.

    It sends telemetry to its makers unless it is given ``--disableTelemetry``.
    """
    main = f"{service}/main.js" if service else "azurite.js"
    script = azurite_home() / "node_modules" / "azurite" / "dist" / "src" / main
    return [str(node()), str(_there(script, "Azurite"))]


def samples_dir() -> Path:
    """The folder of sample photos (png, jpg); ``LICENSES.txt`` in it says whose they are."""
    return _there(samples_home(), "The folder of sample photos")


def model_dir() -> Path:
    """The folder of local models, one keyed folder each."""
    return _there(models_home(), "The folder of local models")


def dapr_home() -> Path:
    """Where Dapr's two programs are, or will be."""
    parts = [DAPR_MODULES / name for name in ("go.mod", "go.sum", "cli/go.mod", "cli/go.sum")]
    return cache_dir() / "dapr" / f"{DAPRD_VERSION}-{platform_tag()}-{digest(*parts)}"


def azurite_home() -> Path:
    """Where Azurite and the link to its Node are, or will be."""
    return cache_dir() / "azurite" / f"{platform_tag()}-{digest(AZURITE_LOCK)}"


def samples_home() -> Path:
    """Where the sample photos are, or will be."""
    return cache_dir() / "samples" / digest(SAMPLES_SPEC, PINS / "samples.txt")


def models_home() -> Path:
    """Where local models are, or will be."""
    return cache_dir() / "models"


def platform_tag() -> str:
    """This machine's kind, as in ``linux-x86_64``."""
    return f"{platform.system()}-{platform.machine()}".lower()


@cache
def digest(*files: Path) -> str:
    """16 hex digits over the contents of ``files``, in order: the key of what is made from them."""
    whole = hashlib.sha256()
    for file in files:
        whole.update(hashlib.sha256(file.read_bytes()).digest())
    return whole.hexdigest()[:16]


def _there(path: Path, name: str) -> Path:
    if not path.exists():
        raise NotSetUp(name)
    return path
