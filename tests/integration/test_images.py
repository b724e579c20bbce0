"""The images, really built, and their processes really started: as users that are not root, on read-only roots.

Needs root, buildah and debootstrap; skipped with the reason where one is missing. What stands for the base that the
Dockerfiles name is told in tests/support/images.py.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from tests.support.images import PIP_CONF, BuildFailed, Image, Store, why_not
from tests.support.pods import Mount, Pod, pod
from tests.support.waiting import until_sync
from tools.images.requirements import FOLDER, entries

pytestmark = [
    pytest.mark.containers,
    pytest.mark.integration,
    pytest.mark.timeout(900),
    pytest.mark.skipif(bool(why_not()), reason=why_not()),
]
SERVICES = {"ingest": 8001, "classifier": 8002, "query": 8003}
KINDS = {**dict.fromkeys(SERVICES, "services"), "component": "component", "emulators": "emulators"}
UID = "10001:10001"
READY_S = 40.0

Images = dict[str, Image]


@pytest.fixture(scope="module")
def store() -> Iterator[Store]:
    store = Store()
    with store.alone():
        try:
            store.ensure_base()
        except BuildFailed as error:
            pytest.skip(f"no base image: debootstrap needs a Debian mirror: {error}")
        yield store


@pytest.fixture(scope="module")
def images(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Images:
    scratch = tmp_path_factory.mktemp("pip")
    made = {}
    for name, kind in KINDS.items():
        arguments = {"SERVICE": name} if kind == "services" else {}
        made[name] = store.build(
            f"{kind}.Dockerfile", f"localhost/claimlens-{name}:test", scratch, **arguments
        )
    return made


@pytest.fixture
def a_pod(tmp_path: Path) -> Iterator[Pod]:
    with pod(tmp_path) as made:
        yield made


def report(line: str) -> None:
    """Shown with ``pytest -s`` and with a failure."""
    sys.stdout.write(f"{line}\n")


def answers(a_pod: Pod, url: str) -> bool:
    return a_pod.call(lambda: httpx.get(url, timeout=5, trust_env=False)).status_code == 200


@pytest.mark.parametrize("name", KINDS)
def test_is_made_for_nobody_special(images: Images, name: str, store: Store) -> None:
    image = images[name]
    report(f"{name}: {image.size / 1e6:.0f} MB with its base")
    assert image.user == UID
    assert image.health[0] == "CMD"
    assert image.labels["org.opencontainers.image.licenses"] == "MIT"
    assert not [variable for variable in image.env if variable.startswith(("PIP_", "UV_"))]
    with store.mounted(image.tag) as root:
        conf = root / PIP_CONF.lstrip("/")
        # Where it was mounted an empty file stays.
        assert not conf.exists() or conf.read_text() == "", "the way to PyPI is the build's alone"
        assert not list((root / "venv").rglob("pip/__main__.py"))
        listed = json.loads((root / "app/sbom.cdx.json").read_text())["components"]
        versions = {entry["name"].lower().replace("_", "-"): entry["version"] for entry in listed}
        locked = entries((FOLDER / f"{KINDS[name]}.lock").read_text())
        present = {entry for entry, found in locked.items() if f"=={versions.get(entry)}" in found.text}
        assert present >= {"structlog", "yarl", "aiohttp"}
        assert versions.keys() - present <= {"dapr-eventgrid-pubsub"}, "nothing that is not locked"


@pytest.mark.parametrize(("name", "port"), SERVICES.items())
def test_service_runs_on_a_read_only_root(
    images: Images, store: Store, a_pod: Pod, tmp_path: Path, name: str, port: int
) -> None:
    data = owned(tmp_path / "data")
    mounts = [Mount("/tmp"), Mount("/data", data)]
    with store.mounted(images[name].tag) as root:
        container = a_pod.start(name, root, images[name], mounts=mounts)
        until_sync(
            lambda: answers(a_pod, f"http://127.0.0.1:{port}/healthz"), READY_S, f"{name}: {container.log}"
        )
        assert set(psutil.Process(container.pid).uids()) == {10001}
        health = a_pod.execute(root, images[name], images[name].health[1:], mounts=mounts)
        assert health.returncode == 0, health.stderr
        refused = a_pod.execute(root, images[name], ["touch", "/app/x"], mounts=mounts)
        assert "Read-only file system" in refused.stderr
        assert container.stop() == 0, container.log
        health = a_pod.execute(root, images[name], images[name].health[1:], mounts=mounts)
        assert health.returncode == 1, "a health check that is always content is none"


def test_component_listens_where_a_sidecar_looks(
    images: Images, store: Store, a_pod: Pod, tmp_path: Path
) -> None:
    sockets = owned(tmp_path / "sockets")
    mounts = [Mount("/tmp"), Mount("/tmp/dapr-components-sockets", sockets)]
    image = images["component"]
    with store.mounted(image.tag) as root:
        container = a_pod.start("component", root, image, mounts=mounts)
        until_sync(lambda: answers(a_pod, "http://127.0.0.1:10030/healthz"), READY_S, container.log_file.name)
        found = sockets / "azure.eventgrid.sock"
        assert found.is_socket()
        assert found.stat().st_mode & 0o777 == 0o666, "daprd is another user"
        assert a_pod.execute(root, image, image.health[1:], mounts=mounts).returncode == 0
        assert container.stop() == 0, container.log


def test_emulators_run(images: Images, store: Store, a_pod: Pod, tmp_path: Path) -> None:
    image = images["emulators"]
    with store.mounted(image.tag) as root:
        vision = a_pod.start(
            "vision", root, image, command=["python", "-m", "emulators.vision", "--model", "/app/model"]
        )
        grid = a_pod.start(
            "grid",
            root,
            image,
            command=[
                "python",
                "-m",
                "emulators.eventgrid",
                "--data=/data",
                "--config=emulators/local.eventgrid.yaml",
            ],
            mounts=[Mount("/tmp"), Mount("/data", owned(tmp_path / "events"))],
        )
        until_sync(lambda: answers(a_pod, "http://127.0.0.1:10020/healthz"), READY_S, f"vision: {vision.log}")
        until_sync(
            lambda: answers(a_pod, "http://127.0.0.1:10010/healthz"), READY_S, f"event grid: {grid.log}"
        )
        health = a_pod.execute(root, image, image.health[1:], env={"PORT": "10020"})
        assert health.returncode == 0, health.stderr
        assert vision.stop() == 0, vision.log
        assert grid.stop() == 0, grid.log


def owned(folder: Path) -> Path:
    """A folder of the image's user: what an engine makes of a new volume."""
    folder.mkdir()
    # The folders above it are pytest's, closed to others.
    for parent in folder.parents:
        if parent.name.startswith("pytest-"):
            parent.chmod(0o711)
    folder.chmod(0o777)
    return folder
