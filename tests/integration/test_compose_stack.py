"""docker-compose.yml, really run: the images built, everything started as it says, a picture through the whole of it."""

import json
import signal
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.support.compose_run import Running, up
from tests.support.images import ROOT, BuildFailed, Image, Store, why_not
from tests.support.pods import pod
from tests.support.waiting import until_sync
from tools.checks.compose import load

pytestmark = [
    pytest.mark.containers,
    pytest.mark.e2e,
    pytest.mark.timeout(900),
    pytest.mark.skipif(bool(why_not()), reason=why_not()),
]
SMOKE = [sys.executable, str(ROOT / "deploy" / "images" / "smoke.py")]
READY_S = 60.0
SERVICES = {"ingest": 8001, "classifier": 8002, "query": 8003}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    # Sockets' paths are short inside; outside they are nobody's.
    folder = tmp_path_factory.mktemp("compose")
    for parent in (folder, *folder.parents[:2]):
        parent.chmod(0o711)
    compose, store = load(), Store()
    with store.alone():
        try:
            store.ensure_base()
        except BuildFailed as error:
            pytest.skip(f"no base image: debootstrap needs a Debian mirror: {error}")
        images: dict[str, Image] = {}
        for service in compose["services"].values():
            if "build" in service and service["image"] not in images:
                file = Path(service["build"]["dockerfile"]).name
                tag = f"localhost/{service['image']}:test"
                images[service["image"]] = store.build(file, tag, folder, **service["build"].get("args", {}))
        with pod(folder) as made, up(compose, images, store, made, folder) as stack:
            for name, port in SERVICES.items():
                until_sync(partial(ready, stack, port), READY_S, f"{name} ready")
            yield stack


def ready(stack: Running, port: int, path: str = "/readyz") -> bool:
    program = f"import urllib.request as u; u.urlopen('http://127.0.0.1:{port}{path}', timeout=5)"
    return stack.run([sys.executable, "-c", program]).returncode == 0


def smoke(stack: Running) -> str:
    answer = stack.run(SMOKE)
    assert answer.returncode == 0, f"{answer.stderr}\n{stack.logs()}"
    return answer.stdout


def test_a_picture_goes_through(running: Running) -> None:
    assert "classified and found" in smoke(running)


def test_links_lead_to_the_published_port(running: Running) -> None:
    program = (
        "import json, urllib.request as u; b = 'http://127.0.0.1:8003/v1/images'; "
        "i = json.load(u.urlopen(b + '?limit=1', timeout=9))['items'][0]['id']; "
        "a = u.urlopen(f'{b}/{i}/content', timeout=9); "
        "print(json.dumps([a.geturl(), a.headers['Content-Type']]))"
    )
    answer = running.run([sys.executable, "-c", program])
    assert answer.returncode == 0, answer.stderr
    url, content_type = json.loads(answer.stdout)
    assert url.startswith("http://127.0.0.1:10000/devstoreaccount1/images/")
    assert content_type == "image/png"


def test_delivery_goes_on_after_the_component_died(running: Running) -> None:
    """It comes back with another socket; `components` sees that and makes the sidecars open their streams anew."""
    running.containers["component"].signal(signal.SIGKILL)
    running.containers["component"].process.wait(10)
    running.again("component")
    assert "classified and found" in smoke(running)
    written = [line for line in running.containers["components"].log.splitlines() if "image-events" in line]
    assert len(written) == 2, written


@pytest.mark.parametrize("name", ["event-grid", "storage", "classifier", "classifier-dapr"])
def test_what_dies_comes_back_into_the_same_network(running: Running, name: str) -> None:
    running.containers[name].signal(signal.SIGKILL)
    running.containers[name].process.wait(10)
    running.again(name)
    until_sync(lambda: ready(running, 8001) and ready(running, 8002), READY_S, "ready again")
    assert "classified and found" in smoke(running)


def test_a_component_minds_its_sidecar_as_in_a_pod(running: Running) -> None:
    """On Kubernetes nobody changes a generation: the component's restart ends the sidecar, and the kubelet starts it."""
    for name in ("components", "component"):
        running.containers[name].signal(signal.SIGKILL)
        running.containers[name].process.wait(10)
    running.again("component", SIDECAR_SHUTDOWN_URL="http://127.0.0.1:3502/v1.0/shutdown")
    assert running.containers["classifier-dapr"].process.wait(30) == 0
    for name in ("ingest", "query"):
        running.containers[f"{name}-dapr"].stop()
    # daprd ends where it does not find the component; here is no kubelet to start it until it does.
    until_sync(partial(ready, running, 10030, "/healthz"), READY_S, "component ready")
    for name in SERVICES:
        running.again(f"{name}-dapr")
    for name, port in SERVICES.items():
        until_sync(partial(ready, running, port), READY_S, f"{name} ready")
    assert "classified and found" in smoke(running)
