"""A Cosmos DB server in JavaScript (@vercel/cosmosdb-server), from npm at the version of its lock file."""

from pathlib import Path

from tools.setup import locations, npm
from tools.setup.errors import NotSetUp
from tools.setup.work import Work

SERVER = locations.ROOT / "tools" / "cosmos" / "server.cjs"
LOCK = locations.ROOT / "tools" / "cosmos" / "package-lock.json"


def command() -> list[str]:
    """What starts it; the port comes after it. It says "ready". Raises NotSetUp."""
    script = _home() / SERVER.name
    if not script.exists():
        raise NotSetUp("The Cosmos DB emulator")
    return [str(_home() / "node"), str(script)]


def _home() -> Path:
    return locations.cache_dir() / "cosmos" / f"{locations.platform_tag()}-{locations.digest(LOCK, SERVER)}"


class Cosmos:
    name = "cosmos"
    after = ()

    @property
    def key(self) -> str:
        return _home().name

    def is_complete(self) -> bool:
        try:
            command()
        except NotSetUp:
            return False
        return True

    def run(self, work: Work) -> None:
        npm.install(work, LOCK.parent, _home(), "the Cosmos DB emulator")
