"""deploy/kubernetes renders, is valid and agrees with the rest; the checks see each kind of slip."""

from collections.abc import Callable
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.support.setup_for_checks import make_sure_of
from tools.checks.kubernetes import BASE, OVERLAYS, Resources, faults, rendered
from tools.checks.kubernetes.model import FOLDER, RenderError, of_kind

Find = Callable[[str, str], Any]

pytestmark = pytest.mark.timeout(660)  # kustomize may have to be built first


@pytest.fixture(scope="module", autouse=True)
def _kustomize() -> None:
    make_sure_of("kustomize")


@cache
def overlay(name: str) -> Resources:
    return rendered(FOLDER / "overlays" / name)


@pytest.mark.parametrize("name", OVERLAYS)
def test_an_overlay_is_right(name: str) -> None:
    assert faults(overlay(name)) == []


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    (tmp_path / "kustomization.yaml").write_text("resources: [absent.yaml]\n")
    with pytest.raises(RenderError, match=r"absent\.yaml"):
        rendered(tmp_path)


def test_nobody_has_to_edit_what_is_generated() -> None:
    """Everything that belongs to the reader is in settings.env, and every line of it is used."""
    settings = dict(
        line.split("=", 1)
        for line in (FOLDER / "overlays" / "azure" / "settings.env").read_text().splitlines()
        if line and not line.startswith("#")
    )
    text = str(overlay("azure"))
    unused = {name for name, value in settings.items() if value not in text}
    assert unused == set()
    assert not of_kind(overlay("azure"), "Secret"), "no key anywhere"


def test_base_alone_needs_an_overlay() -> None:
    missing = [fault for fault in faults(rendered(BASE)) if fault.startswith("components:")]
    assert missing == ["components: image-records, images missing"]


def container(find: Find, name: str) -> Any:
    return find("Deployment", name)["spec"]["template"]["spec"]["containers"][0]


def annotate(find: Find, name: str, annotation: str, value: str) -> None:
    find("Deployment", name)["spec"]["template"]["metadata"]["annotations"][annotation] = value


def change_entry(entries: Any, name: str, value: Any) -> None:
    next(entry for entry in entries if entry["name"] == name)["value"] = value


ANNOTATION = "dapr.io/component-container"

PLANTED: list[tuple[str, Callable[[Find], Any]]] = [
    # Kubernetes' schemas
    ("'replica' was unexpected", lambda f: f("Deployment", "ingest")["spec"].update(replica=1)),
    ("is not of type 'integer'", lambda f: container(f, "query")["ports"][0].update(containerPort="http")),
    ("'selector' is a required property", lambda f: f("Deployment", "query")["spec"].pop("selector")),
    ("no such kind", lambda f: f("PodDisruptionBudget", "query").update(apiVersion="policy/v7")),
    ("'imge' was unexpected", lambda f: f("Component", "image-events")["metadata"]["annotations"].update({ANNOTATION: '{"name": "a", "imge": "b:1"}'})),
    ("its container is not JSON", lambda f: f("Component", "image-events")["metadata"]["annotations"].update({ANNOTATION: "{"})),
    # Our own for Dapr's
    ("spec.metadata.0: Additional properties", lambda f: f("Component", "images")["spec"]["metadata"][0].update(val="x")),
    ("'scopes' is a required property", lambda f: f("Component", "images").pop("scopes")),
    ("does not match '^v[0-9]+$'", lambda f: f("Component", "images")["spec"].update(version="1")),
    ("should be non-empty", lambda f: f("Component", "images")["spec"]["metadata"][0].update(value="")),
    ("Dapr has no such kind", lambda f: f("Configuration", "claimlens").update(kind="Config")),
    # references
    ("does not choose its own pods", lambda f: f("Deployment", "query")["spec"]["selector"].update(matchLabels={"a": "b"})),
    ("Service query: chooses no pod", lambda f: f("Service", "query")["spec"].update(selector={"a": "b"})),
    ("leads to port web", lambda f: f("Service", "query")["spec"]["ports"][0].update(targetPort="web")),
    ("NetworkPolicy clients-reach-query: chooses no pod", lambda f: f("NetworkPolicy", "clients-reach-query")["spec"].update(podSelector={"matchLabels": {"a": "b"}})),
    ("mounts tmpp", lambda f: container(f, "ingest")["volumeMounts"][0].update(name="tmpp")),
    ("claims index, which there is not", lambda f: f("Deployment", "query")["spec"]["template"]["spec"]["volumes"][1].update(persistentVolumeClaim={"claimName": "index"})),
    ("its sidecar mounts record:/records", lambda f: annotate(f, "ingest", "dapr.io/volume-mounts-rw", "record:/records")),
    ("runs as nobody", lambda f: f("Deployment", "query")["spec"]["template"]["spec"].update(serviceAccountName="nobody")),
    ("scales ingress", lambda f: f("HorizontalPodAutoscaler", "ingest")["spec"]["scaleTargetRef"].update(name="ingress")),
    ("wants storageKey of secret", lambda f: f("Component", "images")["spec"]["metadata"][2].update(secretKeyRef={"name": "development-keys", "key": "storageKey"})),
    # hardening
    ("may run as root", lambda f: f("Deployment", "vision")["spec"]["template"]["spec"]["securityContext"].pop("runAsNonRoot")),
    ("has no seccomp profile", lambda f: f("Deployment", "query")["spec"]["template"]["spec"]["securityContext"].pop("seccompProfile")),
    ("a token of the cluster", lambda f: f("Deployment", "query")["spec"]["template"]["spec"].pop("automountServiceAccountToken")),
    ("ingest: its root file system", lambda f: container(f, "ingest")["securityContext"].update(readOnlyRootFilesystem=False)),
    ("keeps capabilities", lambda f: container(f, "ingest")["securityContext"].pop("capabilities")),
    ("no bounds", lambda f: container(f, "ingest")["resources"].pop("limits")),
    ("has no version", lambda f: container(f, "ingest").update(image="host:5000/claimlens-ingest")),
    ("nobody asks whether it is ready", lambda f: container(f, "ingest").pop("readinessProbe")),
    # agreement
    ("dapr.io/app-port is 8000, in dapr.yaml 8001", lambda f: annotate(f, "ingest", "dapr.io/app-port", "8000")),
    ("dapr.io/max-body-size is 4Mi", lambda f: annotate(f, "ingest", "dapr.io/max-body-size", "4Mi")),
    ("dapr.io/inject-pluggable-components is not true", lambda f: annotate(f, "query", "dapr.io/inject-pluggable-components", "false")),
    ("dapr.io/config names no Configuration", lambda f: annotate(f, "query", "dapr.io/config", "other")),
    ("CLAIMLENS_PORT is 1", lambda f: change_entry(container(f, "query")["env"], "CLAIMLENS_PORT", "1")),
    ("no setting is called CLAIMLENS_VISION", lambda f: container(f, "query")["env"].append({"name": "CLAIMLENS_VISION", "value": "1"})),
    ("its settings are refused", lambda f: change_entry(container(f, "classifier")["env"], "CLAIMLENS_LANES", "many")),
    ("known to no service", lambda f: f("Component", "images")["metadata"].update(name="pictures")),
    ("scopes are not those", lambda f: f("Component", "images")["scopes"].pop()),
    ("disableEntityManagement is false", lambda f: change_entry(f("Component", "images")["spec"]["metadata"], "disableEntityManagement", "false")),
    ("no container to inject", lambda f: f("Component", "image-events")["metadata"]["annotations"].pop(ANNOTATION)),
    ("no generation to change", lambda f: f("Component", "image-events")["spec"]["metadata"].pop(1)),
    ("knows no `nowhere`", lambda f: f("Component", "images")["spec"]["metadata"].append({"name": "nowhere", "value": "1"})),
    ("differs from components/local/resiliency.yaml", lambda f: f("Resiliency", "claimlens")["spec"]["policies"]["timeouts"].update(state="9s")),
    ("storage: --topic is blobs", lambda f: container(f, "storage")["command"].append("--topic=blobs")),
    ("images: of several versions", lambda f: container(f, "query").update(image="claimlens-query:0.9.0")),
]  # fmt: skip


@pytest.mark.parametrize(("says", "plant"), PLANTED, ids=[says for says, _ in PLANTED])
def test_a_planted_fault_is_found(says: str, plant: Callable[[Find], Any]) -> None:
    broken = deepcopy(overlay("emulators"))
    plant(lambda kind, name: of_kind(broken, kind)[name])
    found = faults(broken)
    assert any(says in fault for fault in found), found
