"""The two APIs, as the commands use them."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx

from cli.errors import Refused, Unreachable
from cli.settings import CliSettings

Record = dict[str, Any]
PAGE = 100
TRY_AGAIN = {httpx.codes.TOO_MANY_REQUESTS, httpx.codes.SERVICE_UNAVAILABLE}
DEFAULT_WAIT_S = 2.0


class Client:
    """Raises Unreachable and Refused. 429 and 503 are tried again, as Retry-After says, for ``patience_s``."""

    def __init__(
        self,
        settings: CliSettings,
        transport: httpx.BaseTransport | None = None,
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        headers = {"Authorization": f"Bearer {settings.api_key}"} if settings.api_key else {}
        self._http = httpx.Client(timeout=settings.timeout_s, headers=headers, transport=transport)
        self._settings = settings
        self._wait = wait

    def close(self) -> None:
        self._http.close()

    def upload(self, name: str, content: bytes, claim_id: str | None, metadata: str | None) -> Record:
        """Ingest's answer: id, status, already_known and what it saw of the picture."""
        form = {key: value for key, value in (("claim_id", claim_id), ("metadata", metadata)) if value}
        return self._json(
            "POST", f"{self._settings.ingest_url}/v1/images", files={"file": (name, content)}, data=form
        )

    def record(self, image_id: str) -> Record:
        return self._json("GET", f"{self._settings.query_url}/v1/images/{image_id}")

    def search(self, criteria: dict[str, Any], limit: int | None = None) -> Iterator[Record]:
        """Every record that the criteria find, page by page, at most ``limit``."""
        cursor, given = None, 0
        while True:
            wanted = PAGE if limit is None else min(PAGE, limit - given)
            if wanted <= 0:
                return
            page = self.page(criteria, wanted, cursor)
            yield from page["items"]
            given += len(page["items"])
            cursor = page["next_cursor"]
            if not cursor:
                return

    def page(self, criteria: dict[str, Any], limit: int, cursor: str | None = None) -> Record:
        """One page: items, next_cursor, total, facets."""
        query = {key: value for key, value in criteria.items() if value not in (None, "", [])}
        query |= {"limit": limit} | ({"cursor": cursor} if cursor else {})
        return self._json("GET", f"{self._settings.query_url}/v1/images", params=query)

    def content(self, image_id: str) -> bytes:
        url = f"{self._settings.query_url}/v1/images/{image_id}/content"
        return self._send("GET", url, follow_redirects=True).content

    def classify_again(self, image_id: str) -> Record:
        return self._json("POST", f"{self._settings.ingest_url}/v1/images/{image_id}/classification")

    def rebuild_index(self) -> None:
        self._send("POST", f"{self._settings.query_url}/v1/index/rebuild")

    def index_state(self) -> Record:
        return self._json("GET", f"{self._settings.query_url}/v1/index")

    def events(self) -> Iterator[tuple[str, str]]:
        """Server-sent events as (event, data), until the service ends the stream."""
        url = f"{self._settings.query_url}/v1/events"
        try:
            with self._http.stream("GET", url, timeout=httpx.Timeout(10.0, read=None)) as answer:
                if answer.is_error:
                    answer.read()
                    raise _refused(answer)
                event = ""
                for line in answer.iter_lines():
                    if line.startswith("event:"):
                        event = line.removeprefix("event:").strip()
                    elif line.startswith("data:"):
                        yield event, line.removeprefix("data:").strip()
        except httpx.TransportError as error:
            raise _unreachable(url, error) from error

    def _json(self, method: str, url: str, **arguments: Any) -> Record:
        answer: Record = self._send(method, url, **arguments).json()
        return answer

    def _send(self, method: str, url: str, **arguments: Any) -> httpx.Response:
        deadline = time.monotonic() + self._settings.patience_s
        while True:
            try:
                answer = self._http.request(method, url, **arguments)
            except httpx.TransportError as error:
                raise _unreachable(url, error) from error
            if not answer.is_error:
                return answer
            pause = _retry_after(answer)
            if answer.status_code not in TRY_AGAIN or time.monotonic() + pause > deadline:
                raise _refused(answer)
            self._wait(pause)


def _retry_after(answer: httpx.Response) -> float:
    try:
        return max(0.1, float(answer.headers.get("retry-after", DEFAULT_WAIT_S)))
    except ValueError:
        return DEFAULT_WAIT_S


def _unreachable(url: str, error: httpx.TransportError) -> Unreachable:
    return Unreachable(
        f"Nothing answers at {url} ({type(error).__name__}). Is it running (make run)? "
        "CLAIMLENS_INGEST_URL and CLAIMLENS_QUERY_URL name other addresses."
    )


def _refused(answer: httpx.Response) -> Refused:
    try:
        problem = answer.json()
        return Refused(problem["detail"], answer.status_code, problem["type"].rpartition(":")[2])
    except (ValueError, KeyError, TypeError, AttributeError):
        return Refused(f"HTTP {answer.status_code}", answer.status_code, str(answer.status_code))
