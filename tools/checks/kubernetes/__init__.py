"""deploy/kubernetes: rendered by kustomize, valid by Kubernetes' schemas, and in agreement with everything else.

Kubernetes' own kinds are held against its published JSON schemas, strictly (the package kubernetes-validate carries
them). Dapr's kinds are held against schemas of our own wording, dapr.schema.json, for no package carries Dapr's: they
know what our files use and refuse the rest. Each check gives sentences that say what is wrong.
"""

from tools.checks.kubernetes.agreement import agreement_faults
from tools.checks.kubernetes.hardening import hardening_faults
from tools.checks.kubernetes.model import BASE, OVERLAYS, Resources, rendered
from tools.checks.kubernetes.references import reference_faults
from tools.checks.kubernetes.schemas import schema_faults

__all__ = ["BASE", "OVERLAYS", "Resources", "faults", "rendered"]


def faults(resources: Resources) -> list[str]:
    """What is wrong with what an overlay renders to; only where the schemas are content, the rest is looked at."""
    misshapen = list(schema_faults(resources))
    if misshapen:
        return misshapen
    return [*reference_faults(resources), *hardening_faults(resources), *agreement_faults(resources)]
