"""Keys: who may call, and as what."""

import pytest
from starlette.requests import Request

from services.platform.auth import ANYBODY, ApiKeys, Principal, Role, requires
from services.platform.errors import Forbidden, Unauthorized

KEYS = "ann:reader:reader-key-of-16-chars, bob:writer:writer:key:with:colons, eve:ADMIN:admin-key-of-16-chars"


class App:
    def __init__(self, keys: str) -> None:
        self.state = type("State", (), {"api_keys": ApiKeys(keys)})()


def request(keys: str, **headers: str) -> Request:
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "headers": raw, "app": App(keys)})


def test_without_keys_everybody_may() -> None:
    assert ApiKeys("").principal(None) is ANYBODY
    assert ApiKeys(" , ").principal("whatever") is ANYBODY
    assert requires(Role.ADMIN)(request("")) is ANYBODY


def test_who_presented_it() -> None:
    keys = ApiKeys(KEYS)
    assert keys.principal("reader-key-of-16-chars") == Principal("ann", Role.READER)
    assert keys.principal("writer:key:with:colons") == Principal("bob", Role.WRITER)
    assert keys.principal("admin-key-of-16-chars").role is Role.ADMIN


@pytest.mark.parametrize(
    "presented", [None, "", "reader-key-of-16-char", "reader-key-of-16-charsX", "ünknown-key-16-ch"]
)
def test_unknown_key(presented: str | None) -> None:
    with pytest.raises(Unauthorized):
        ApiKeys(KEYS).principal(presented)


@pytest.mark.parametrize(
    "entry",
    [
        "ann",
        "ann:reader",
        "ann:king:reader-key-of-16-chars",
        ":reader:reader-key-of-16-chars",
        "ann:reader:short",
    ],
)
def test_bad_entry_is_an_error_that_hides_the_key(entry: str) -> None:
    with pytest.raises(ValueError, match="CLAIMLENS_API_KEYS") as error:
        ApiKeys(f"{KEYS},{entry}")
    assert "reader-key-of-16-chars" not in str(error.value)


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": "Bearer writer:key:with:colons"},
        {"authorization": "bearer  writer:key:with:colons "},
        {"x_api_key": "writer:key:with:colons"},
        {"authorization": "Basic abc", "x_api_key": "writer:key:with:colons"},
    ],
    ids=["bearer", "spaces", "x-api-key", "beside another scheme"],
)
def test_ways_to_present_a_key(headers: dict[str, str]) -> None:
    assert requires(Role.WRITER)(request(KEYS, **headers)).name == "bob"


@pytest.mark.parametrize(("role", "allowed"), [(Role.READER, True), (Role.WRITER, True), (Role.ADMIN, False)])
def test_each_role_may_what_those_before_it_may(role: Role, allowed: bool) -> None:
    presented = request(KEYS, x_api_key="writer:key:with:colons")
    if allowed:
        assert requires(role)(presented).name == "bob"
    else:
        with pytest.raises(Forbidden, match="bob is writer; this takes admin"):
            requires(role)(presented)
