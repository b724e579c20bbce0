"""What the set-up makes. A further asset: a class with the Step protocol in a file of its own, and a line here."""

from tools.setup.azurite import Azurite
from tools.setup.dapr import Dapr
from tools.setup.environment import Environment
from tools.setup.model import Model
from tools.setup.samples import Samples
from tools.setup.work import Step


def all_steps() -> list[Step]:
    """Every step, the slowest first."""
    return [Dapr(), Environment(), Azurite(), Model(), Samples()]
