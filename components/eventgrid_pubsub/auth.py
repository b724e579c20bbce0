"""The Authorization header of every call: an access key, or a token of Microsoft Entra kept fresh."""

import asyncio
import time
from typing import Any, Protocol

from components.eventgrid_pubsub.errors import CredentialsUnavailable
from components.eventgrid_pubsub.metadata import ComponentSettings, Identity

SCOPE = "https://eventgrid.azure.net/.default"
REFRESH_BEFORE_S = 300.0
TOKEN_TIMEOUT_S = 30.0


class Authorizer(Protocol):
    """Gives the value of the Authorization header."""

    async def header(self) -> str:
        """The header's value now. Raises CredentialsUnavailable."""
        ...

    def forget(self) -> bool:
        """The service refused the last value. Whether there will be another one next time."""
        ...

    async def close(self) -> None:
        """Give back connections."""
        ...


class KeyAuthorizer:
    """``SharedAccessKey <key>``."""

    def __init__(self, key: str) -> None:
        self._header = f"SharedAccessKey {key}"

    async def header(self) -> str:
        return self._header

    def forget(self) -> bool:
        return False

    async def close(self) -> None:
        """Nothing to give back."""


class TokenAuthorizer:
    """``Bearer <token>``, from an azure-identity asynchronous credential; one refresh at a time."""

    def __init__(self, credential: Any) -> None:
        self._credential = credential
        self._header = ""
        self._refresh_at = 0.0
        self._expires_at = 0.0
        self._lock = asyncio.Lock()

    async def header(self) -> str:
        if time.time() < self._refresh_at:
            return self._header
        async with self._lock:
            if time.time() >= self._refresh_at:
                await self._refresh()
            return self._header

    async def _refresh(self) -> None:
        from azure.core.exceptions import AzureError

        try:
            async with asyncio.timeout(TOKEN_TIMEOUT_S):
                token = await self._credential.get_token(SCOPE)
        except (AzureError, TimeoutError, OSError, ValueError) as error:
            if time.time() < self._expires_at:
                self._refresh_at = time.time() + 10  # the present one still holds: try again soon
                return
            reason = "no answer in time" if isinstance(error, TimeoutError) else str(error)
            raise CredentialsUnavailable(f"no token from Microsoft Entra: {reason}") from error
        self._header = f"Bearer {token.token}"
        self._expires_at = float(token.expires_on)
        lifetime = self._expires_at - time.time()
        self._refresh_at = self._expires_at - min(REFRESH_BEFORE_S, lifetime / 2)

    def forget(self) -> bool:
        self._refresh_at = self._expires_at = 0.0
        return True

    async def close(self) -> None:
        await self._credential.close()


def authorizer(settings: ComponentSettings) -> Authorizer:
    """What the settings ask for. Raises CredentialsUnavailable where no credential can be made of them."""
    if settings.access_key:
        return KeyAuthorizer(settings.access_key)
    return TokenAuthorizer(credential(settings.identity))


def credential(identity: Identity) -> Any:
    """An azure-identity credential that tries Dapr's methods in Dapr's order, or in that of azureAuthMethods."""
    from azure.identity import aio

    authority = {
        "public": "login.microsoftonline.com",
        "china": "login.chinacloudapi.cn",
        "usgovernment": "login.microsoftonline.us",
    }[identity.environment]
    chain: list[Any] = []
    problems: list[str] = []
    methods = identity.methods or (
        "clientcredentials", "clientcertificate", "workloadidentity", "managedidentity", "commandlineinterface",
    )  # fmt: skip
    for method in methods:
        try:
            made = _credential(aio, method, identity, authority)
        except (ValueError, OSError) as error:
            problems.append(f"{method}: {error}")
            continue
        if made is None:
            problems.append(f"{method}: fields are missing")
        else:
            chain.append(made)
    if not chain:
        raise CredentialsUnavailable("no way to authenticate: give accessKey or azure* fields (" +
                                     "; ".join(problems) + ")")  # fmt: skip
    return aio.ChainedTokenCredential(*chain)


def _credential(aio: Any, method: str, identity: Identity, authority: str) -> Any | None:
    if method == "clientcredentials":
        if not (identity.tenant_id and identity.client_id and identity.client_secret):
            return None
        return aio.ClientSecretCredential(
            identity.tenant_id, identity.client_id, identity.client_secret, authority=authority
        )
    if method == "clientcertificate":
        if not (identity.tenant_id and identity.client_id):
            return None
        if not (identity.certificate or identity.certificate_file):
            return None
        return aio.CertificateCredential(
            identity.tenant_id,
            identity.client_id,
            certificate_path=None if identity.certificate else identity.certificate_file,
            certificate_data=identity.certificate.encode() or None,
            password=identity.certificate_password or None,
            authority=authority,
        )
    if method == "workloadidentity":
        # The environment of the pod says the rest (AZURE_FEDERATED_TOKEN_FILE and its like).
        given = {"tenant_id": identity.tenant_id, "client_id": identity.client_id}
        return aio.WorkloadIdentityCredential(**{name: value for name, value in given.items() if value})
    if method == "managedidentity":
        return aio.ManagedIdentityCredential(client_id=identity.client_id or None)
    return aio.AzureCliCredential(tenant_id=identity.tenant_id)
