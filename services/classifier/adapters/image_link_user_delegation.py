"""A link signed with a user delegation key: no account key anywhere, the role Storage Blob Delegator instead."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import quote, urlsplit

from azure.core.credentials_async import AsyncTokenCredential
from azure.core.exceptions import AzureError
from azure.storage.blob import BlobSasPermissions, UserDelegationKey, generate_blob_sas
from azure.storage.blob.aio import BlobServiceClient

from services.classifier.errors import LinkUnavailable
from services.classifier.ports import ImageUrl
from services.contracts.records import now

GetKey = Callable[[datetime, datetime], Awaitable[UserDelegationKey]]
"""Start and expiry → key; BlobServiceClient.get_user_delegation_key."""

KEY_LIFETIME: Final = timedelta(hours=6)
# Clocks differ between here and Azure; a start in the future would make the link useless.
SKEW: Final = timedelta(minutes=5)


class UserDelegationLink:
    """``account_url`` is https://NAME.blob.core.windows.net. One key signs all links until it is nearly old."""

    def __init__(
        self,
        get_key: GetKey,
        *,
        account_url: str,
        container: str,
        ttl_s: int,
        timeout_s: float,
        clock: Callable[[], datetime] = now,
    ) -> None:
        self._get_key = get_key
        self._account_url = account_url.rstrip("/")
        self._account = (urlsplit(account_url).hostname or "").partition(".")[0]
        self._container = container
        self._ttl = timedelta(seconds=ttl_s)
        self._timeout_s = timeout_s
        self._clock = clock
        self._key: UserDelegationKey | None = None
        self._key_expires: datetime | None = None
        self._lock = asyncio.Lock()

    async def of(self, blob: str) -> ImageUrl:
        expires = self._clock() + self._ttl
        key = await self._fresh_key(expires)
        token = generate_blob_sas(
            account_name=self._account,
            container_name=self._container,
            blob_name=blob,
            user_delegation_key=key,
            permission=BlobSasPermissions(read=True),
            expiry=expires,
            start=self._clock() - SKEW,
        )
        return ImageUrl(f"{self._account_url}/{self._container}/{quote(blob)}?{token}")

    async def _fresh_key(self, needed_until: datetime) -> UserDelegationKey:
        async with self._lock:
            if self._key is None or self._key_expires is None or self._key_expires < needed_until:
                start = self._clock() - SKEW
                expires = self._clock() + max(KEY_LIFETIME, 2 * self._ttl)
                try:
                    async with asyncio.timeout(self._timeout_s):
                        self._key = await self._get_key(start, expires)
                except (AzureError, TimeoutError) as error:
                    why = str(error).partition("\n")[0] or type(error).__name__
                    raise LinkUnavailable(f"no user delegation key: {why}") from error
                self._key_expires = expires
            return self._key


def connect_user_delegation(
    account_url: str, credential: AsyncTokenCredential, *, container: str, ttl_s: int, timeout_s: float
) -> tuple[UserDelegationLink, Callable[[], Awaitable[None]]]:
    """The link on a real account, and how to close it."""
    account = BlobServiceClient(account_url, credential, retry_total=1)
    link = UserDelegationLink(
        account.get_user_delegation_key,
        account_url=account_url,
        container=container,
        ttl_s=ttl_s,
        timeout_s=timeout_s,
    )
    return link, account.close
