"""Calls of engines that speak plain HTTP: bounded, translated, and remembered where they refuse us."""

import asyncio
import math
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

import httpx
import structlog
from pydantic import BaseModel, ValidationError

from services.classifier.errors import AnalyzerRefused, AnalyzerUnavailable
from services.platform.errors import ServiceError

log = structlog.get_logger()

M = TypeVar("M", bound=BaseModel)

Token = Callable[[], Awaitable[str]]
"""Gives a bearer token that is valid now."""

Translate = Callable[[int, Any, int | None], ServiceError]
"""Status, JSON body (None if it is none), Retry-After in seconds → what to raise."""


class HttpCalls:
    """``engine`` names it in errors. The client ``http`` is the caller's, and so is closing it."""

    def __init__(
        self,
        engine: str,
        http: httpx.AsyncClient,
        *,
        headers: Mapping[str, str],
        token: Token | None = None,
        timeout_s: float,
    ) -> None:
        self._engine = engine
        self._http = http
        self._headers = dict(headers)
        self._token = token
        self._timeout_s = timeout_s
        self._refusal: AnalyzerRefused | None = None

    async def check(self) -> None:
        """Raises AnalyzerRefused if the last call was refused."""
        if self._refusal is not None:
            raise self._refusal

    async def post_json(self, url: str, body: Mapping[str, Any], translate: Translate) -> Any:
        return await self._post(url, translate, json=body)

    async def post_bytes(self, url: str, body: bytes, translate: Translate) -> Any:
        return await self._post(
            url, translate, content=body, headers={"Content-Type": "application/octet-stream"}
        )

    def read(self, model: type[M], body: Any) -> M:
        """The answer as the model. Raises AnalyzerUnavailable for one that does not fit: a gateway's, say."""
        try:
            return model.model_validate(body)
        except ValidationError as error:
            raise AnalyzerUnavailable(
                f"{self._engine}'s answer is not one: {error.error_count()} faults"
            ) from error

    async def _post(self, url: str, translate: Translate, **request: Any) -> Any:
        try:
            async with asyncio.timeout(self._timeout_s):
                headers = {**self._headers, **request.pop("headers", {})}
                if self._token is not None:
                    headers["Authorization"] = f"Bearer {await self._token()}"
                response = await self._http.post(url, headers=headers, timeout=self._timeout_s, **request)
        except AnalyzerRefused as error:
            raise self._noted(error) from error.__cause__
        except (TimeoutError, httpx.TimeoutException) as error:
            raise AnalyzerUnavailable(
                f"{self._engine} did not answer within {self._timeout_s:g} s"
            ) from error
        except httpx.HTTPError as error:
            raise AnalyzerUnavailable(f"{self._engine} cannot be reached: {error!r}") from error
        body = _json(response)
        if not response.is_success:
            raise self._noted(translate(response.status_code, body, _retry_after_s(response)))
        self._refusal = None
        return body

    def _noted(self, error: ServiceError) -> ServiceError:
        if isinstance(error, AnalyzerRefused):
            log.error("engine refuses us; mend settings or roles", engine=self._engine, why=error.detail)
            self._refusal = error
        return error


def _json(response: httpx.Response) -> Any:
    try:
        return response.json()
    except ValueError:
        return None


def _retry_after_s(response: httpx.Response) -> int | None:
    try:
        return max(0, math.ceil(float(response.headers.get("Retry-After", ""))))
    except ValueError:
        return None
