"""The component's metadata: what may be written under ``spec.metadata`` of a component file.

metadata.yaml describes the same fields in Dapr's schema; a test compares the two.
"""

import ipaddress
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from components.eventgrid_pubsub.durations import readable, seconds
from components.eventgrid_pubsub.errors import InvalidMetadata

AUTH_METHODS = {
    "clientcredentials": "clientcredentials",
    "creds": "clientcredentials",
    "clientcertificate": "clientcertificate",
    "cert": "clientcertificate",
    "workloadidentity": "workloadidentity",
    "wi": "workloadidentity",
    "managedidentity": "managedidentity",
    "mi": "managedidentity",
    "commandlineinterface": "commandlineinterface",
    "cli": "commandlineinterface",
}
"""Values of azureAuthMethods, as Dapr spells them, with what each stands for."""

ENVIRONMENTS = {
    "azurepubliccloud": "public",
    "azurepublic": "public",
    "azurechinacloud": "china",
    "azurechina": "china",
    "azureusgovernmentcloud": "usgovernment",
    "azureusgovernment": "usgovernment",
}

DAPR_KEYS = frozenset({"publishingscopes", "subscriptionscopes", "allowedtopics", "protectedtopics"})
"""Keys that daprd reads itself and passes on."""


@dataclass(frozen=True, slots=True)
class Identity:
    """How to get a token from Microsoft Entra. Empty fields fall back to the environment, as in Dapr."""

    client_id: str = ""
    tenant_id: str = ""
    client_secret: str = field(default="", repr=False)
    certificate: str = field(default="", repr=False)
    certificate_file: str = ""
    certificate_password: str = field(default="", repr=False)
    environment: str = "public"
    methods: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ComponentSettings:
    """One component instance's metadata, validated. Durations in seconds."""

    endpoint: str
    access_key: str = field(default="", repr=False)
    identity: Identity = Identity()
    consumer_id: str = ""
    max_concurrent_handlers: int = 0
    max_messages_per_stream: int = 1
    max_events: int = 100
    max_wait_time_s: int = 60
    renew_lock: bool = True
    lock_duration_s: float = 60.0
    publish_timeout_s: float = 30.0
    retry_base_delay_s: float = 1.0
    retry_max_delay_s: float = 3600.0


def _text(raw: str) -> str:
    return raw.strip()


def _boolean(raw: str) -> bool:
    value = {"true": True, "yes": True, "y": True, "on": True, "1": True, "t": True}.get(raw.strip().lower())
    if value is None and raw.strip().lower() not in {"false", "no", "n", "off", "0", "f"}:
        raise ValueError('allowed are "true" and "false"')
    return bool(value)


def _integer(least: int, most: int) -> Callable[[str], int]:
    def parse(raw: str) -> int:
        allowed = f"allowed is a whole number from {least} to {most}"
        try:
            value = int(raw.strip())
        except ValueError:
            raise ValueError(allowed) from None
        if not least <= value <= most:
            raise ValueError(allowed)
        return value

    return parse


def _duration(least_s: float, most_s: float, whole: bool = False) -> Callable[[str], float]:
    def parse(raw: str) -> float:
        allowed = f"allowed is a duration from {readable(least_s)} to {readable(most_s)}, such as {readable(most_s)}"
        if whole:
            allowed += ", in whole seconds"
        try:
            value = seconds(raw)
        except ValueError:
            raise ValueError(allowed) from None
        if not least_s <= value <= most_s or (whole and value != int(value)):
            raise ValueError(allowed)
        return int(value) if whole else value

    return parse


def is_loopback(host: str) -> bool:
    """Whether a host name is this machine's own loopback, the only place where plain http is allowed."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _endpoint(raw: str) -> str:
    text = raw.strip()
    if "://" not in text:
        text = f"https://{text}"
    parts = urlsplit(text)
    try:
        usable = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        usable = False
    if not usable or parts.path not in ("", "/") or parts.query or parts.username:
        raise ValueError(
            "allowed is the namespace's address, such as https://NAME.REGION-1.eventgrid.azure.net, without a path"
        )
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(parts.hostname or "")):
        raise ValueError("allowed is https, or http where the host is loopback")
    return text.removesuffix("/")


def _environment(raw: str) -> str:
    value = ENVIRONMENTS.get(raw.strip().lower())
    if value is None:
        raise ValueError("allowed are AzurePublicCloud, AzureChinaCloud and AzureUSGovernmentCloud")
    return value


def _auth_methods(raw: str) -> tuple[str, ...]:
    methods = []
    for name in raw.split(","):
        method = AUTH_METHODS.get(name.strip().lower())
        if method is None:
            raise ValueError(
                f"{name.strip()!r} is unknown; allowed are, in the order to try and separated by commas, "
                "clientCredentials, clientCertificate, workloadIdentity, managedIdentity and commandLineInterface"
            )
        methods.append(method)
    return tuple(methods)


@dataclass(frozen=True, slots=True)
class Field:
    """One metadata field: the setting it fills, how it is read, the names Dapr also takes for it."""

    target: str
    parse: Callable[[str], Any]
    aliases: tuple[str, ...] = ()
    sensitive: bool = False


FIELDS: dict[str, Field] = {
    "endpoint": Field("endpoint", _endpoint),
    "accessKey": Field("access_key", _text, sensitive=True),
    "consumerID": Field("consumer_id", _text),
    "maxConcurrentHandlers": Field("max_concurrent_handlers", _integer(0, 10_000)),
    "maxMessagesPerStream": Field("max_messages_per_stream", _integer(1, 1_000)),
    "maxEvents": Field("max_events", _integer(1, 100)),
    "maxWaitTime": Field("max_wait_time_s", _duration(10, 120, whole=True)),
    "renewLock": Field("renew_lock", _boolean),
    "lockDuration": Field("lock_duration_s", _duration(1, 300)),
    "publishTimeout": Field("publish_timeout_s", _duration(0.1, 300)),
    "retryBaseDelay": Field("retry_base_delay_s", _duration(0, 3600)),
    "retryMaxDelay": Field("retry_max_delay_s", _duration(0, 3600)),
    "generation": Field("", _text),
    "azureClientId": Field("identity.client_id", _text, ("spnClientId", "clientId")),
    "azureTenantId": Field("identity.tenant_id", _text, ("spnTenantId", "tenantId")),
    "azureClientSecret": Field(
        "identity.client_secret", _text, ("spnClientSecret", "clientSecret"), sensitive=True
    ),
    "azureCertificate": Field("identity.certificate", _text, ("spnCertificate",), sensitive=True),
    "azureCertificateFile": Field("identity.certificate_file", _text, ("spnCertificateFile",)),
    "azureCertificatePassword": Field(
        "identity.certificate_password", _text, ("spnCertificatePassword",), sensitive=True
    ),
    "azureEnvironment": Field("identity.environment", _environment, ("azureCloud",)),
    "azureAuthMethods": Field(
        "identity.methods",
        _auth_methods,
        ("azureADAuthMethods", "entraIDAuthMethods", "microsoftEntraIDAuthMethods"),
    ),
}
"""Every field by the name that is documented. Names are matched without regard to case, as Dapr does."""

_BY_NAME = {
    spelling.lower(): (name, entry) for name, entry in FIELDS.items() for spelling in (name, *entry.aliases)
}


def parse(properties: Mapping[str, str]) -> ComponentSettings:
    """The settings that a component's metadata describes. Empty values count as not given.

    Raises InvalidMetadata that names every field which is missing, unknown or out of range, and what is allowed.
    """
    problems: list[str] = []
    values: dict[str, Any] = {}
    identity: dict[str, Any] = {}
    for key, raw in properties.items():
        known = _BY_NAME.get(key.lower())
        if known is None:
            if key.lower() not in DAPR_KEYS:
                problems.append(
                    f"{key}: unknown field; allowed are {', '.join(sorted(FIELDS, key=str.lower))}"
                )
            continue
        name, entry = known
        if not raw.strip() or not entry.target:
            continue
        try:
            value = entry.parse(raw)
        except ValueError as error:
            given = "" if entry.sensitive else f" {raw.strip()!r} given,"
            problems.append(f"{name}:{given} {error}")
            continue
        scope, _, attribute = entry.target.rpartition(".")
        (identity if scope else values)[attribute] = value
    if not any(key.lower() == "endpoint" and raw.strip() for key, raw in properties.items()):
        problems.append("endpoint: missing; allowed is the namespace's address, such as "
                        "https://NAME.REGION-1.eventgrid.azure.net")  # fmt: skip
    if values.get("access_key") and identity.get("methods"):
        problems.append("accessKey: not together with azureAuthMethods; give one of the two")
    if problems:
        raise InvalidMetadata(problems)
    return ComponentSettings(**values, identity=Identity(**identity))
