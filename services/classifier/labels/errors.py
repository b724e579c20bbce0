"""What can be wrong with rules.

BadRules    the file cannot be used; every fault of it with the file, the rule, the field and what is allowed
"""

from collections.abc import Sequence


class BadRules(ValueError):
    def __init__(self, where: str, faults: Sequence[str]) -> None:
        super().__init__("\n".join(f"{where}: {fault}" for fault in faults))
        self.faults = tuple(faults)
