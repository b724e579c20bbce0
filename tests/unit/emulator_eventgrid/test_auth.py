import base64
from typing import Any

import orjson
import pytest

from emulators.eventgrid.auth import Authorizer
from emulators.eventgrid.errors import Unauthorized
from tests.unit.emulator_eventgrid.harness import START, ManualClock


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def authorizer(clock: ManualClock) -> Authorizer:
    return Authorizer("a-key", clock)


def jwt(**claims: Any) -> str:
    payload = {"aud": "https://eventgrid.azure.net", "exp": START + 3600, "nbf": START, **claims}
    parts = (orjson.dumps({"typ": "JWT", "alg": "RS256"}), orjson.dumps(payload), b"signature")
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


def test_the_key_opens(authorizer: Authorizer) -> None:
    authorizer.check("SharedAccessKey a-key")


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        (None, "no Authorization header"),
        ("", "no Authorization header"),
        ("SharedAccessKey other", "access key is not valid"),
        ("SharedAccessKey ä", "access key is not valid"),
        ("a-key", "must be 'SharedAccessKey"),
        ("SharedAccessSignature r=x&e=y&s=z", "must be 'SharedAccessKey"),
        ("Bearer nonsense", "not a signed JWT"),
        ("Bearer a.b.c", "not a JWT"),
        ("Bearer e30.e30.", "not a signed JWT"),
        ("Bearer W10.W10.c", "not a JWT"),
        ("Bearer e30.e30.c", "names no algorithm"),
    ],
)
def test_what_does_not_open(authorizer: Authorizer, header: str | None, reason: str) -> None:
    with pytest.raises(Unauthorized, match=reason):
        authorizer.check(header)


@pytest.mark.parametrize(
    "claims", [{}, {"aud": "https://eventgrid.azure.net/"}, {"aud": ["x", "https://eventgrid.azure.net"]}]
)
def test_a_token_for_event_grid_opens(authorizer: Authorizer, claims: dict[str, Any]) -> None:
    authorizer.check(f"Bearer {jwt(**claims)}")
    authorizer.check(f"Bearer {jwt(**claims)}")


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"aud": "https://vault.azure.net"}, "audience is 'https://vault.azure.net'"),
        ({"aud": None}, "audience"),
        ({"exp": START - 301}, "has expired"),
        ({"exp": "soon"}, "must be numbers"),
        ({"nbf": START + 301}, "not valid yet"),
    ],
)
def test_other_tokens_do_not(authorizer: Authorizer, claims: dict[str, Any], reason: str) -> None:
    with pytest.raises(Unauthorized, match=reason):
        authorizer.check(f"Bearer {jwt(**claims)}")


def test_a_token_that_opened_once_expires_too(authorizer: Authorizer, clock: ManualClock) -> None:
    token = jwt()
    authorizer.check(f"Bearer {token}")
    clock.time += 3600 + 301
    with pytest.raises(Unauthorized, match="has expired"):
        authorizer.check(f"Bearer {token}")
