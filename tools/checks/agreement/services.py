"""The services' own settings."""

from typing import Final

from services.classifier.settings import Settings as ClassifierSettings
from services.ingest.settings import Settings as IngestSettings
from services.platform.settings import ServiceSettings
from services.query.settings import Settings as QuerySettings

SETTINGS: Final[dict[str, type[ServiceSettings]]] = {
    "ingest": IngestSettings,
    "classifier": ClassifierSettings,
    "query": QuerySettings,
}
