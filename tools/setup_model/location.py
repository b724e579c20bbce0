"""Where the default model is in the set-up's cache. Standard library alone."""

from pathlib import Path

from tools.setup import locations

_HERE = Path(__file__).parent
_MADE_FROM = ("build.py", "efficientnet.py", "torch_file.py", "model.yaml")


def default_model_home() -> Path:
    """The folder of the default model; it need not be there. Its name changes with what it is made from."""
    digest = locations.digest(*(_HERE / name for name in _MADE_FROM))
    return locations.models_home() / f"efficientnet-lite0-{digest}"
