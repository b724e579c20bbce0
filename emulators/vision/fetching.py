"""Reading a picture behind a link, as the service does: publicly, in a bounded time, up to 20 MB."""

import httpx

from emulators.vision.errors import MAX_IMAGE_BYTES, InvalidImageBytes, InvalidImageUrl

TIMEOUT_S = 20.0
_REDIRECTS = 3


class Fetcher:
    """Keeps its connections; close it with ``aclose``. Proxies of the environment are not used: the links of a
    local run point at this machine."""

    def __init__(self, timeout_s: float = TIMEOUT_S) -> None:
        self._client = httpx.AsyncClient(
            timeout=httpx.Timeout(timeout_s, connect=min(5.0, timeout_s)),
            follow_redirects=True,
            max_redirects=_REDIRECTS,
            trust_env=False,
        )

    async def fetch(self, url: str) -> bytes:
        """The bytes behind ``url``. Raises InvalidImageUrl (not reachable, not 200, slow) and InvalidImageBytes."""
        read = bytearray()
        try:
            async with self._client.stream("GET", url) as response:
                if response.status_code != httpx.codes.OK:
                    raise InvalidImageUrl(f"it answers {response.status_code}.")
                async for chunk in response.aiter_bytes():
                    read += chunk
                    if len(read) > MAX_IMAGE_BYTES:
                        raise InvalidImageBytes
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError, ValueError) as error:
            raise InvalidImageUrl(f"{type(error).__name__}.") from error
        if not read:
            raise InvalidImageBytes
        return bytes(read)

    async def aclose(self) -> None:
        await self._client.aclose()
