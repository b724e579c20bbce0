"""Azure AI Vision as an engine: the settings ``vision_*``, and one or several accounts."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from azure.core.credentials import AzureKeyCredential
from pydantic import BaseModel, ConfigDict

from services.classifier.adapters.engine import EngineContext
from services.classifier.adapters.pool import Account, AnalyzerPool
from services.classifier.adapters.vision_azure import AzureVision
from services.classifier.settings import VisionAccount


class Options(BaseModel):
    """None: this engine has settings of its own."""

    model_config = ConfigDict(extra="forbid")


def build(options: Mapping[str, Any], context: EngineContext) -> AnalyzerPool:
    Options.model_validate(options)
    settings = context.settings
    accounts = settings.vision_accounts or [
        VisionAccount(endpoint=settings.vision_endpoint, key=settings.vision_key)
    ]
    return context.pool(*(_account(account, context) for account in accounts))


def _account(account: VisionAccount, context: EngineContext) -> Account:
    settings = context.settings
    key = account.key.get_secret_value()
    vision = AzureVision(
        account.endpoint,
        AzureKeyCredential(key) if key else context.credential(),
        features=settings.vision_features,
        timeout_s=settings.vision_timeout_s,
        people_min_confidence=settings.vision_people_min_confidence,
        language=settings.vision_language,
        gender_neutral_caption=settings.vision_gender_neutral_caption,
        model_version=settings.vision_model_version,
        smart_crops_aspect_ratios=settings.vision_smart_crops_aspect_ratios,
    )
    context.closers.append(vision.close)
    calls_per_s = settings.vision_calls_per_s if account.calls_per_s is None else account.calls_per_s
    return context.account(urlsplit(account.endpoint).netloc, vision, calls_per_s)
