"""Who is calling: keys from the settings, presented as ``Authorization: Bearer KEY`` or ``X-Api-Key: KEY``."""

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

from fastapi import Request

from services.platform.errors import Forbidden, Unauthorized


class Role(IntEnum):
    """Each role may do what the ones before it may."""

    READER = 1
    WRITER = 2
    ADMIN = 3


@dataclass(frozen=True)
class Principal:
    name: str
    role: Role


ANYBODY = Principal("anonymous", Role.ADMIN)


class ApiKeys:
    """The keys of ``ServiceSettings.api_keys``. Without any, everybody is let in."""

    def __init__(self, text: str) -> None:
        """Raises ValueError for an entry that is not ``name:role:key`` with a key of 16 characters or more."""
        self._keys: list[tuple[bytes, Principal]] = []
        for entry in filter(None, (part.strip() for part in text.split(","))):
            name, role, key = [*entry.split(":", 2), "", ""][:3]
            if role.upper() not in Role.__members__ or not name or len(key) < 16:
                raise ValueError(
                    "CLAIMLENS_API_KEYS: each entry is name:role:key, the role one of "
                    f"reader, writer, admin, the key at least 16 characters (entry {name!r})"
                )
            self._keys.append((key.encode(), Principal(name, Role[role.upper()])))

    def principal(self, presented: str | None) -> Principal:
        """Who presented this key. Raises Unauthorized. Takes the same time for every wrong key."""
        if not self._keys:
            return ANYBODY
        if not presented:
            raise Unauthorized("Send a key as `Authorization: Bearer KEY` or `X-Api-Key: KEY`.")
        found = None
        for key, principal in self._keys:
            if hmac.compare_digest(key, presented.encode()):
                found = principal
        if found is None:
            raise Unauthorized("The key is not known here.")
        return found


def requires(role: Role) -> Callable[[Request], Principal]:
    """A FastAPI dependency that gives the caller, or refuses. ``app.state.api_keys`` holds the keys."""

    def dependency(request: Request) -> Principal:
        keys: ApiKeys = request.app.state.api_keys
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        presented = token.strip() if scheme.lower() == "bearer" else request.headers.get("x-api-key")
        principal = keys.principal(presented)
        if principal.role < role:
            raise Forbidden(
                f"{principal.name} is {principal.role.name.lower()}; this takes {role.name.lower()}."
            )
        return principal

    return dependency
