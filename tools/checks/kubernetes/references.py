"""What the resources say of each other: selectors, ports, volumes, claims, accounts, secrets, targets."""

from collections.abc import Iterator

from tools.checks.kubernetes.model import (
    Resource,
    Resources,
    containers,
    environment,
    injected,
    label,
    metadata,
    of_kind,
    pods,
)

SIDECAR_MOUNTS = "dapr.io/volume-mounts-rw"


def reference_faults(resources: Resources) -> Iterator[str]:
    yield from _selectors(resources)
    yield from _pods(resources)
    yield from _secrets(resources)
    for scaler in of_kind(resources, "HorizontalPodAutoscaler").values():
        target = scaler["spec"]["scaleTargetRef"]["name"]
        if target not in of_kind(resources, "Deployment"):
            yield f"{label(scaler)}: scales {target}, which there is not"


def _selectors(resources: Resources) -> Iterator[str]:
    templates = dict(pods(resources))
    labels = [template["metadata"]["labels"] for template in templates.values()]
    for name, deployment in of_kind(resources, "Deployment").items():
        if not _chosen(
            deployment["spec"]["selector"]["matchLabels"], [labels[list(templates).index(label(deployment))]]
        ):
            yield f"Deployment {name}: its selector does not choose its own pods"
    for kind in ("Service", "PodDisruptionBudget"):
        for resource in of_kind(resources, kind).values():
            selector = resource["spec"]["selector"]
            if not _chosen(selector.get("matchLabels", selector), labels):
                yield f"{label(resource)}: chooses no pod"
    for policy in of_kind(resources, "NetworkPolicy").values():
        if not _chosen(policy["spec"]["podSelector"].get("matchLabels", {}), labels):
            yield f"{label(policy)}: chooses no pod"
    for service in of_kind(resources, "Service").values():
        ports = {
            port["name"]
            for template in templates.values()
            if _chosen(service["spec"]["selector"], [template["metadata"]["labels"]])
            for container in containers(template)
            for port in container.get("ports", [])
        }
        for port in service["spec"]["ports"]:
            if port["targetPort"] not in ports:
                yield f"{label(service)}: leads to port {port['targetPort']}, which its pods do not have"


def _chosen(selector: dict[str, str], labels: list[dict[str, str]]) -> bool:
    return any(selector.items() <= one.items() for one in labels)


def _pods(resources: Resources) -> Iterator[str]:
    claims, accounts = of_kind(resources, "PersistentVolumeClaim"), of_kind(resources, "ServiceAccount")
    for name, template in pods(resources):
        volumes = {volume["name"]: volume for volume in template["spec"].get("volumes", [])}
        for container in containers(template):
            for mount in container.get("volumeMounts", []):
                if mount["name"] not in volumes:
                    yield f"{name}: {container['name']} mounts {mount['name']}, which the pod has not"
        for volume in volumes.values():
            claim = volume.get("persistentVolumeClaim", {}).get("claimName")
            if claim and claim not in claims:
                yield f"{name}: claims {claim}, which there is not"
        for mount in template["metadata"].get("annotations", {}).get(SIDECAR_MOUNTS, "").split(","):
            if mount and mount.partition(":")[0] not in volumes:
                yield f"{name}: its sidecar mounts {mount}, which the pod has not"
        account = template["spec"].get("serviceAccountName")
        if account and account not in accounts:
            yield f"{name}: runs as {account}, which there is not"


def _secrets(resources: Resources) -> Iterator[str]:
    secrets = {
        name: set(secret.get("stringData", {})) | set(secret.get("data", {}))
        for name, secret in of_kind(resources, "Secret").items()
    }

    def fault(who: str, reference: dict[str, str]) -> str | None:
        if reference["key"] in secrets.get(reference["name"], set()):
            return None
        return f"{who}: wants {reference['key']} of secret {reference['name']}, which is not there"

    wanted = [
        (label(component), value)
        for component in of_kind(resources, "Component").values()
        for value in metadata(component).values()
        if isinstance(value, dict)
    ] + [
        (name, value["secretKeyRef"])
        for name, template in pods(resources)
        for container in containers(template)
        for value in environment(container).values()
        if isinstance(value, dict) and "secretKeyRef" in value
    ]
    yield from (text for who, reference in wanted if (text := fault(who, reference)))


def injected_containers(resources: Resources) -> Iterator[tuple[str, Resource]]:
    """Component → the container that Dapr injects for it."""
    for component in of_kind(resources, "Component").values():
        container = injected(component)
        if container is not None:
            yield label(component), container
