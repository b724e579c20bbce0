"""docker-compose.yml: valid by the compose specification's schema, and in agreement with everything else.

Each check gives sentences that say what is wrong; none of them means that nothing is. The schema is the compose
specification's own, as the package check-jsonschema carries it; what it cannot say is checked here: references,
dapr.yaml's flags, the services' settings, the emulators' options of `make run`, hardening.
"""

from tools.checks.compose.agreement import agreement_faults
from tools.checks.compose.model import Compose, load
from tools.checks.compose.shape import shape_faults

__all__ = ["Compose", "agreement_faults", "faults", "load", "shape_faults"]


def faults(compose: Compose) -> list[str]:
    """Everything that is wrong with it."""
    return [*shape_faults(compose), *agreement_faults(compose)]
