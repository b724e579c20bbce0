"""What every engine's adapter is built from: settings, credentials, and the queue and counters around its calls."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import httpx
from azure.core.credentials_async import AsyncTokenCredential
from azure.core.exceptions import AzureError

from services.classifier.adapters.measured import MeasuredAnalyzer
from services.classifier.adapters.pool import Account, AnalyzerPool
from services.classifier.errors import AnalyzerRefused
from services.classifier.gates import Gate
from services.classifier.metrics import ClassifierMetrics
from services.classifier.ports import ImageAnalyzer
from services.classifier.settings import Settings

Close = Callable[[], Awaitable[None]]


@dataclass
class EngineContext:
    """What engines are built from and with. ``closers`` are called at shutdown, the last first."""

    settings: Settings
    metrics: ClassifierMetrics
    closers: list[Close] = field(default_factory=list)
    _credential: AsyncTokenCredential | None = None

    def credential(self) -> AsyncTokenCredential:
        """Microsoft Entra, one for all."""
        if self._credential is None:
            # Importing it takes half a second, and one machine has no use for it.
            from azure.identity.aio import DefaultAzureCredential

            credential = DefaultAzureCredential()
            self.closers.append(credential.close)
            self._credential = credential
        return self._credential

    def token(self, scope: str) -> Callable[[], Awaitable[str]]:
        """Bearer tokens of that credential; the credential caches them."""
        credential = self.credential()

        async def current() -> str:
            try:
                return (await credential.get_token(scope)).token
            except AzureError as error:
                why = str(error).partition("\n")[0]
                raise AnalyzerRefused(f"no token from Microsoft Entra: {why}") from error

        return current

    def http(self) -> httpx.AsyncClient:
        """A client that is closed at shutdown."""
        client = httpx.AsyncClient(limits=httpx.Limits(max_connections=self.settings.lanes + 1))
        self.closers.append(client.aclose)
        return client

    def account(self, name: str, analyzer: ImageAnalyzer, calls_per_s: float) -> Account:
        return Account(name, MeasuredAnalyzer(analyzer, self.metrics, name), Gate(calls_per_s))

    def pool(self, *accounts: Account) -> AnalyzerPool:
        return AnalyzerPool(accounts, max_wait_s=self.settings.engine_max_wait_s)


class EngineModule(Protocol):
    """An adapter's module."""

    def build(self, options: Mapping[str, Any], context: EngineContext) -> ImageAnalyzer:
        """``options``: the entry's own. Raises pydantic.ValidationError if they are wrong."""
        ...
