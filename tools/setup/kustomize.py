"""kustomize, for the checks of deploy/kubernetes: the machine's, or kubectl's, else built from a pinned Go module."""

import shutil
from pathlib import Path

from tools.setup import locations
from tools.setup.errors import NotSetUp
from tools.setup.golang import Source, find_go
from tools.setup.work import Work

MODULE = locations.ROOT / "tools" / "kustomize"
SOURCE = Source(module=MODULE, package="sigs.k8s.io/kustomize/kustomize/v5")


def command() -> list[str]:
    """What renders the folder that is its last argument. Raises NotSetUp."""
    for name, verb in (("kustomize", "build"), ("kubectl", "kustomize")):
        found = shutil.which(name)
        if found:
            return [found, verb]
    if _built().exists():
        return [str(_built()), "build"]
    raise NotSetUp("kustomize")


def _built() -> Path:
    key = locations.digest(MODULE / "go.mod", MODULE / "go.sum")
    return locations.cache_dir() / "kustomize" / f"{locations.platform_tag()}-{key}" / "kustomize"


class Kustomize:
    name = "kustomize"
    after = ()

    @property
    def key(self) -> str:
        return _built().parent.name

    def is_complete(self) -> bool:
        try:
            command()
        except NotSetUp:
            return False
        return True

    def run(self, work: Work) -> None:
        go = find_go(work, min_version_of=MODULE / "go.mod")
        packages = go.fetch(SOURCE, work.say)
        made = work.scratch / "made"
        made.mkdir()
        go.build(SOURCE, made / "kustomize", packages, work.say)
        work.staging.publish(made, _built().parent)
