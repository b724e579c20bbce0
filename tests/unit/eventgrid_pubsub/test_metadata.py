"""The component's metadata: what is taken, what is refused and how that is said, and what metadata.yaml tells."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from components.eventgrid_pubsub import metadata as module
from components.eventgrid_pubsub.durations import readable, seconds
from components.eventgrid_pubsub.errors import InvalidMetadata
from components.eventgrid_pubsub.metadata import FIELDS, ComponentSettings, parse

ENDPOINT = "https://ns.westeurope-1.eventgrid.azure.net"
DOCUMENT = Path(module.__file__).with_name("metadata.yaml")
SCHEMA = Path(__file__).with_name("dapr_component_metadata_schema.json")
"""Dapr's schema of metadata.yaml: components-contrib 1.18.3, component-metadata-schema.json, Apache License 2.0."""
AZURE_AD = {name for name in FIELDS if name.startswith("azure")}


def problems(**properties: str) -> list[str]:
    with pytest.raises(InvalidMetadata) as caught:
        parse({"endpoint": ENDPOINT, **properties})
    return caught.value.problems


def test_defaults() -> None:
    assert parse({"endpoint": ENDPOINT}) == ComponentSettings(endpoint=ENDPOINT)


def test_every_field() -> None:
    settings = parse(
        {
            "ENDPOINT": f" {ENDPOINT}/ ",
            "accessKey": "k",
            "consumerID": "worker",
            "maxConcurrentHandlers": "64",
            "maxMessagesPerStream": "4",
            "maxEvents": "50",
            "maxWaitTime": "30s",
            "renewLock": "False",
            "lockDuration": "5m",
            "publishTimeout": "1500ms",
            "retryBaseDelay": "PT5S",
            "retryMaxDelay": "600",
            "generation": "7",
            "publishingScopes": "app=orders",
        }
    )
    assert settings == ComponentSettings(
        endpoint=ENDPOINT,
        access_key="k",
        consumer_id="worker",
        max_concurrent_handlers=64,
        max_messages_per_stream=4,
        max_events=50,
        max_wait_time_s=30,
        renew_lock=False,
        lock_duration_s=300,
        publish_timeout_s=1.5,
        retry_base_delay_s=5,
        retry_max_delay_s=600,
    )


def test_identity_by_any_of_daprs_names() -> None:
    identity = parse(
        {
            "endpoint": ENDPOINT,
            "spnTenantId": "t",
            "azureClientId": "c",
            "clientSecret": "s",
            "azureCloud": "AzureChinaCloud",
            "entraIDAuthMethods": "creds, MI",
        }
    ).identity
    assert (identity.tenant_id, identity.client_id, identity.client_secret) == ("t", "c", "s")
    assert identity.environment == "china"
    assert identity.methods == ("clientcredentials", "managedidentity")


@pytest.mark.parametrize(
    ("field", "value", "allowed"),
    [
        ("maxEvents", "101", "a whole number from 1 to 100"),
        ("maxEvents", "many", "a whole number from 1 to 100"),
        ("maxConcurrentHandlers", "-1", "a whole number from 0 to 10000"),
        ("maxWaitTime", "5s", "a duration from 10s to 2m"),
        ("maxWaitTime", "10.5s", "in whole seconds"),
        ("lockDuration", "10m", "a duration from 1s to 5m"),
        ("publishTimeout", "soon", "a duration from 100ms to 5m"),
        ("renewLock", "maybe", '"true" and "false"'),
        ("azureAuthMethods", "mi,magic", "managedIdentity"),
        ("azureEnvironment", "AzureMoon", "AzurePublicCloud"),
        (
            "endpoint",
            "http://ns.westeurope-1.eventgrid.azure.net",
            "https, or http where the host is loopback",
        ),
        ("endpoint", f"{ENDPOINT}/topics", "without a path"),
        ("endpoint", "https://", "the namespace's address"),
        ("endpoint", "https://host:port", "the namespace's address"),
        ("endpoint", "https://user@host", "the namespace's address"),
        ("endpoint", "ftp://127.0.0.1", "https, or http"),
    ],
)
def test_a_bad_value_is_named_with_what_is_allowed(field: str, value: str, allowed: str) -> None:
    (problem,) = problems(**{field: value})
    assert problem.startswith(f"{field}: {value!r} given, ")
    assert allowed in problem


def test_a_missing_endpoint_is_named() -> None:
    with pytest.raises(InvalidMetadata, match="endpoint: missing; allowed is the namespace's address"):
        parse({"accessKey": "k", "endpoint": " "})


def test_an_unknown_field_is_named_with_those_there_are() -> None:
    (problem,) = problems(maxEvent="1")
    assert problem.startswith("maxEvent: unknown field; allowed are accessKey, azure")


def test_all_problems_are_told_at_once() -> None:
    assert len(problems(maxEvents="0", renewLock="?", colour="red")) == 3


def test_secrets_are_in_no_message_and_no_representation() -> None:
    settings = parse({"endpoint": ENDPOINT, "accessKey": "s3cret", "azureClientSecret": "s3cret"})
    assert "s3cret" not in repr(settings)
    (problem,) = problems(accessKey="s3cret", azureAuthMethods="mi")
    assert "s3cret" not in problem


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.1.2.3", "[::1]"])
def test_loopback_may_be_plain_http(host: str) -> None:
    assert parse({"endpoint": f"http://{host}:10010"}).endpoint == f"http://{host}:10010"


@pytest.mark.parametrize("host", ["example.org", "10.0.0.1", "localhost.example.org", "0.0.0.0"])
def test_nothing_else_may(host: str) -> None:
    with pytest.raises(InvalidMetadata):
        parse({"endpoint": f"http://{host}:10010"})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("60s", 60),
        ("1m30s", 90),
        ("500ms", 0.5),
        ("1h", 3600),
        ("PT1M30S", 90),
        ("P1D", 86400),
        ("7", 7),
        ("1.5", 1.5),
    ],
)
def test_durations(text: str, expected: float) -> None:
    assert seconds(text) == expected


@pytest.mark.parametrize("text", ["", "s", "-1s", "1 s", "P", "PT", "1d"])
def test_no_durations(text: str) -> None:
    with pytest.raises(ValueError, match="not a duration"):
        seconds(text)


def test_readable_durations_read_back() -> None:
    for value in (0, 0.1, 0.5, 1, 59, 60, 90, 120, 300, 3600):
        assert seconds(readable(value)) == value


class TestMetadataYaml:
    document: dict[str, Any] = yaml.safe_load(DOCUMENT.read_text())

    def test_is_valid_by_daprs_schema(self) -> None:
        jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text())).validate(self.document)

    def test_names_every_field_and_no_other(self) -> None:
        profiles = [
            entry for profile in self.document["authenticationProfiles"] for entry in profile["metadata"]
        ]
        documented = {entry["name"] for entry in [*profiles, *self.document["metadata"]]}
        assert documented == set(FIELDS) - AZURE_AD
        assert self.document["builtinAuthenticationProfiles"] == [{"name": "azuread"}]

    def test_tells_the_defaults_that_count(self) -> None:
        for entry in self.document["metadata"]:
            field = FIELDS[entry["name"]]
            if "default" in entry:
                value = field.parse(entry["default"].strip('"'))
                assert value == ComponentSettings.__dataclass_fields__[field.target].default, entry["name"]

    def test_gives_examples_that_are_taken(self) -> None:
        for entry in self.document["metadata"]:
            FIELDS[entry["name"]].parse(entry["example"].strip('"'))

    def test_marks_what_is_secret(self) -> None:
        (profile,) = self.document["authenticationProfiles"]
        assert [entry["sensitive"] for entry in profile["metadata"]] == [True]
