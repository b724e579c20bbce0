"""Pods that meet the restricted standard, with bounds, probes and pinned images."""

from collections.abc import Iterator

from tools.checks.kubernetes.model import Resource, Resources, containers, pods
from tools.checks.kubernetes.references import injected_containers


def hardening_faults(resources: Resources) -> Iterator[str]:
    for name, template in pods(resources):
        yield from _pod(name, template)
        for container in containers(template):
            yield from _container(f"{name}: {container['name']}", container)
    for name, container in injected_containers(resources):
        yield from _container(f"{name}: {container.get('name')}", container)


def _pod(name: str, template: Resource) -> Iterator[str]:
    spec = template["spec"]
    context = spec.get("securityContext", {})
    if not context.get("runAsNonRoot") or not context.get("runAsUser"):
        yield f"{name}: may run as root"
    if context.get("seccompProfile", {}).get("type") != "RuntimeDefault":
        yield f"{name}: has no seccomp profile"
    if spec.get("automountServiceAccountToken") is not False:
        yield f"{name}: gets a token of the cluster that it has no use for"
    for forbidden in ("hostNetwork", "hostPID", "hostIPC"):
        if spec.get(forbidden):
            yield f"{name}: {forbidden}"
    if not any("readinessProbe" in container for container in spec["containers"]):
        yield f"{name}: nobody asks whether it is ready"


def _container(name: str, container: Resource) -> Iterator[str]:
    context = container.get("securityContext", {})
    if context.get("allowPrivilegeEscalation") is not False or context.get("privileged"):
        yield f"{name}: can gain privileges"
    if not context.get("readOnlyRootFilesystem"):
        yield f"{name}: its root file system can be written to"
    if context.get("capabilities", {}).get("drop") != ["ALL"]:
        yield f"{name}: keeps capabilities"
    resources = container.get("resources", {})
    if not {"cpu", "memory"} <= resources.get("requests", {}).keys() or "memory" not in resources.get(
        "limits", {}
    ):
        yield f"{name}: no bounds"
    image = str(container.get("image", ""))
    if ":" not in image.rpartition("/")[2] or image.endswith(":latest"):
        yield f"{name}: {image} has no version"
