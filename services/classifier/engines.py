"""Engines by their kind: ``services/classifier/adapters/engine_KIND.py`` has a ``build``.

So another engine is one more such file, and an entry in the setting ``engines``.
"""

import importlib
from typing import cast

from pydantic import ValidationError

from services.classifier.adapters.engine import EngineContext, EngineModule
from services.classifier.ports import ImageAnalyzer
from services.classifier.settings import EngineSettings


class BadEngine(ValueError):
    """An entry of the setting ``engines`` that cannot be; the text says why."""


def build_engines(entries: list[EngineSettings], context: EngineContext) -> tuple[ImageAnalyzer, ...]:
    """In the order given. Raises BadEngine."""
    engines = tuple(_build(entry, context) for entry in entries)
    names = [engine.engine for engine in engines]
    for name in names:
        if names.count(name) > 1:
            raise BadEngine(f"two engines are called {name!r}: give one another `name`")
    return engines


def _build(entry: EngineSettings, context: EngineContext) -> ImageAnalyzer:
    module_name = f"services.classifier.adapters.engine_{entry.kind.replace('-', '_')}"
    try:
        module = cast("EngineModule", importlib.import_module(module_name))
    except ModuleNotFoundError as error:
        if error.name != module_name:
            raise
        raise BadEngine(f"there is no engine of the kind {entry.kind!r}") from error
    try:
        return module.build(entry.model_extra or {}, context)
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(map(str, fault['loc'])) or 'options'}: {fault['msg']}" for fault in error.errors()
        )
        raise BadEngine(f"engine {entry.kind!r}: {faults}") from error
