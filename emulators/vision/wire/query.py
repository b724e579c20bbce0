"""The query string of ``imageanalysis:analyze``."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from emulators.vision.engine.types import Feature, Options
from emulators.vision.errors import (
    BadArgument,
    FeatureNotInRegion,
    InvalidRequest,
    NotFound,
    NotSupportedLanguage,
    NotSupportedVisualFeature,
)

API_VERSIONS = ("2023-10-01", "2024-02-01")
LANGUAGES = frozenset(
    "ar az bg bs ca cs cy da de el en es et eu fi fr ga gl he hi hr hu id it ja kk ko lt lv mk ms nb nl pl prs "
    "pt pt-BR pt-PT ro ru sk sl sr-Cyrl sr-Latn sv th tr uk vi zh zh-Hans zh-Hant".lower().split()
)
"""Languages that the service has tags in. The emulator's tags are English in all of them."""
_LEAST_RATIO, _MOST_RATIO = 0.75, 1.8
_MODEL_VERSION = re.compile(r"latest|\d{4}-\d{2}-\d{2}(-preview)?")
_BY_WIRE_NAME = {feature.value.lower(): feature for feature in Feature}
_CAPTIONS = (Feature.CAPTION, Feature.DENSE_CAPTIONS)


@dataclass(frozen=True, slots=True)
class AnalyzeQuery:
    features: frozenset[Feature]
    options: Options


def parse_query(query: Mapping[str, str], *, captions: bool) -> AnalyzeQuery:
    """Check and read the query as the service documents it. ``captions``: whether the region has them.

    Raises NotFound (api version, custom model), InvalidRequest (nothing asked for), NotSupportedVisualFeature,
    NotSupportedLanguage, BadArgument and FeatureNotInRegion.
    """
    if query.get("api-version") not in API_VERSIONS:
        raise NotFound("Resource not found")
    if query.get("model-name"):
        raise NotFound(f"Model '{query['model-name']}' is not found. Custom models are retired.")
    features = _features(query.get("features", ""))
    language = (query.get("language") or "en").lower()
    if language not in LANGUAGES:
        raise NotSupportedLanguage(f"The language '{language}' is not supported.")
    for feature in _CAPTIONS:
        if feature in features and language != "en":
            raise NotSupportedLanguage(f"The feature '{feature}' supports English only, not '{language}'.")
        if feature in features and not captions:
            raise FeatureNotInRegion(feature[0].upper() + feature[1:])
    if not _MODEL_VERSION.fullmatch(query.get("model-version") or "latest"):
        raise BadArgument(f"The model version '{query['model-version']}' is not valid.")
    return AnalyzeQuery(
        features,
        Options(
            crop_ratios=_ratios(query.get("smartcrops-aspect-ratios", "")),
            gender_neutral=_flag(query.get("gender-neutral-caption") or "false"),
        ),
    )


def _features(value: str) -> frozenset[Feature]:
    names = [name.strip() for name in value.split(",") if name.strip()]
    if not names:
        raise InvalidRequest("Either features or model-name needs to be specified in the query parameter.")
    unknown = [name for name in names if name.lower() not in _BY_WIRE_NAME]
    if unknown:
        raise NotSupportedVisualFeature(f"The feature '{unknown[0]}' is not supported.")
    return frozenset(_BY_WIRE_NAME[name.lower()] for name in names)


def _ratios(value: str) -> tuple[float, ...]:
    try:
        ratios = tuple(float(part) for part in value.split(",") if part.strip())
    except ValueError:
        ratios = (float("nan"),)
    if not all(_LEAST_RATIO <= ratio <= _MOST_RATIO for ratio in ratios):
        raise BadArgument(
            f"Smart crops aspect ratios must be numbers between {_LEAST_RATIO} and {_MOST_RATIO}, not '{value}'."
        )
    return ratios


def _flag(value: str) -> bool:
    if value.lower() not in ("true", "false"):
        raise BadArgument(f"gender-neutral-caption must be true or false, not '{value}'.")
    return value.lower() == "true"
