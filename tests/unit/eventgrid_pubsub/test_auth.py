"""Where the Authorization header comes from."""

import asyncio
import time
from typing import Any, NamedTuple

import pytest
from azure.core.exceptions import ClientAuthenticationError

from components.eventgrid_pubsub.auth import SCOPE, KeyAuthorizer, TokenAuthorizer, authorizer, credential
from components.eventgrid_pubsub.client import EventGridClient
from components.eventgrid_pubsub.errors import CredentialsUnavailable
from components.eventgrid_pubsub.metadata import ComponentSettings, Identity
from components.eventgrid_pubsub.telemetry import Calls, Metrics
from tests.support.fake_event_grid import FakeEventGrid


class Token(NamedTuple):
    token: str
    expires_on: int


class Credential:
    """Gives ``token-1``, ``token-2``, …, each for ``lifetime_s``; or fails."""

    def __init__(self, lifetime_s: float = 3600) -> None:
        self.lifetime_s = lifetime_s
        self.failing = False
        self.given = 0
        self.closed = False

    async def get_token(self, *scopes: str) -> Token:
        assert scopes == (SCOPE,)
        await asyncio.sleep(0)
        if self.failing:
            raise ClientAuthenticationError("no way")
        self.given += 1
        return Token(f"token-{self.given}", int(time.time() + self.lifetime_s))

    async def close(self) -> None:
        self.closed = True


async def test_a_key() -> None:
    assert (
        await authorizer(ComponentSettings(endpoint="https://x", access_key="k")).header()
        == "SharedAccessKey k"
    )


async def test_a_token_is_kept_while_it_is_fresh_and_asked_for_once() -> None:
    source = Credential()
    tokens = TokenAuthorizer(source)
    assert set(await asyncio.gather(*(tokens.header() for _ in range(20)))) == {"Bearer token-1"}
    assert await tokens.header() == "Bearer token-1"
    await tokens.close()
    assert source.closed


async def test_a_token_about_to_expire_is_renewed() -> None:
    source = Credential(lifetime_s=0)
    tokens = TokenAuthorizer(source)
    assert [await tokens.header() for _ in range(3)] == ["Bearer token-1", "Bearer token-2", "Bearer token-3"]


async def test_a_token_that_still_holds_is_used_when_entra_is_away() -> None:
    source = Credential(lifetime_s=100)
    tokens = TokenAuthorizer(source)
    await tokens.header()
    tokens._refresh_at = 0
    source.failing = True
    assert await tokens.header() == "Bearer token-1"


async def test_no_token_says_why() -> None:
    source = Credential()
    source.failing = True
    with pytest.raises(CredentialsUnavailable, match="no way"):
        await TokenAuthorizer(source).header()


async def test_a_refused_token_is_replaced(grid: FakeEventGrid) -> None:
    source = Credential()
    client = EventGridClient(grid.endpoint, TokenAuthorizer(source), Calls(Metrics(), "x"))
    grid.authorization = {"Bearer token-2"}
    await client.publish("orders", [b'{"id": "1"}'], 5)
    assert source.given == 2
    assert len(grid.of("publish")) == 2
    await client.close()


async def test_a_refused_key_is_not_tried_again(grid: FakeEventGrid) -> None:
    client = EventGridClient(grid.endpoint, KeyAuthorizer("wrong"), Calls(Metrics(), "x"))
    with pytest.raises(Exception, match="401"):
        await client.publish("orders", [b'{"id": "1"}'], 5)
    assert len(grid.of("publish")) == 1
    await client.close()


def kinds(chain: Any) -> list[str]:
    return [type(one).__name__ for one in chain.credentials]


async def test_the_chain_has_daprs_order(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AZURE_CLIENT_ID", "AZURE_TENANT_ID", "AZURE_FEDERATED_TOKEN_FILE"):
        monkeypatch.delenv(name, raising=False)
    assert kinds(credential(Identity())) == ["ManagedIdentityCredential", "AzureCliCredential"]
    principal = Identity(client_id="c", tenant_id="t", client_secret="s")
    assert kinds(credential(principal))[0] == "ClientSecretCredential"
    monkeypatch.setenv("AZURE_FEDERATED_TOKEN_FILE", "/nowhere")
    assert "WorkloadIdentityCredential" in kinds(credential(Identity(client_id="c", tenant_id="t")))


async def test_only_the_methods_asked_for() -> None:
    assert kinds(credential(Identity(methods=("commandlineinterface",)))) == ["AzureCliCredential"]


async def test_nothing_to_authenticate_with_says_what_is_missing() -> None:
    with pytest.raises(CredentialsUnavailable, match="clientcredentials: fields are missing"):
        credential(Identity(methods=("clientcredentials",)))


async def test_a_certificate_that_is_none() -> None:
    identity = Identity(client_id="c", tenant_id="t", certificate="nonsense", methods=("clientcertificate",))
    with pytest.raises(CredentialsUnavailable, match="clientcertificate"):
        credential(identity)
