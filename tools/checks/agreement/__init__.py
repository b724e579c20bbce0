"""What the deployment must have in common with the code: names, topics, scopes, settings, ports, sizes, roles.

Each check takes the project's root and yields what does not fit; `check_agreement` runs them all.
"""

from pathlib import Path

from tools.checks.agreement.apps import check_components, check_limits, check_ports, check_settings
from tools.checks.agreement.guide import check_role_table, check_variables
from tools.checks.agreement.messaging import check_events, check_keys, check_senders, check_topics
from tools.checks.agreement.numbers import check_names, check_size_names, check_sizes, check_waits
from tools.checks.agreement.scaling import check_backlogs

CHECKS = (
    check_topics,
    check_senders,
    check_events,
    check_keys,
    check_backlogs,
    check_components,
    check_settings,
    check_ports,
    check_limits,
    check_sizes,
    check_size_names,
    check_waits,
    check_names,
    check_variables,
    check_role_table,
)


def check_agreement(root: Path) -> list[str]:
    """Everything that does not fit, in the order of the checks."""
    return [fault for check in CHECKS for fault in check(root)]
