"""Azurite, from npm at the version of its lock file."""

from tools.setup import locations, npm
from tools.setup.work import Work


class Azurite:
    name = "azurite"
    after = ()

    @property
    def key(self) -> str:
        return locations.azurite_home().name

    def is_complete(self) -> bool:
        home = locations.azurite_home()
        return (home / "node").exists() and (home / "node_modules").is_dir()

    def run(self, work: Work) -> None:
        npm.install(work, locations.AZURITE_LOCK.parent, locations.azurite_home(), "Azurite")
