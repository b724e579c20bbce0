"""Topics, subscriptions, the events' way to them, and that nobody comes with a key."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from services.contracts.identity import ORIGINALS
from services.contracts.names import CONTAINER, AppId, Topic
from tools.checks.agreement.files import project
from tools.checks.bicep.roles import grant_variables, grants_in
from tools.checks.bicep.syntax import chain, literal, property_of, text_of, walk
from tools.setup.locations import ROOT

SUBSCRIPTIONS: Final = {
    (Topic.BLOB_CREATED, AppId.CLASSIFIER),
    (Topic.BLOB_CREATED, AppId.QUERY),
    (Topic.IMAGE_CLASSIFIED, AppId.QUERY),
    (Topic.BLOB_CREATED_DEAD, AppId.CLASSIFIER),
}

NO_KEYS: Final = {
    "Microsoft.Storage/storageAccounts": ("properties.allowSharedKeyAccess", "false"),
    "Microsoft.ServiceBus/namespaces": ("properties.disableLocalAuth", "true"),
    "Microsoft.DocumentDB/databaseAccounts": ("properties.disableLocalAuth", "true"),
    "Microsoft.CognitiveServices/accounts": ("properties.disableLocalAuth", "true"),
    "Microsoft.Search/searchServices": ("properties.disableLocalAuth", "true"),
    "Microsoft.ContainerRegistry/registries": ("properties.adminUserEnabled", "false"),
    "Microsoft.OperationalInsights/workspaces": ("properties.features.disableLocalAuth", "true"),
}
"""Where each kind of resource says that nobody signs in with a key."""


def check_topics(root: Path) -> Iterator[str]:
    """Service Bus has the topics and subscriptions that the services use, and dead letters go where they should."""
    topics: dict[str, str] = {}
    subscriptions: dict[tuple[str, str], Any] = {}
    for _, found in project(root).resources():
        name = literal(property_of(found.value, "name")) or ""
        if found.resource_type == "Microsoft.ServiceBus/namespaces/topics":
            topics[found.name] = name
    for _, found in project(root).resources():
        if found.resource_type == "Microsoft.ServiceBus/namespaces/topics/subscriptions":
            parent = property_of(found.value, "parent")
            topic = topics.get(text_of(parent), "?") if parent is not None else "?"
            subscriptions[topic, literal(property_of(found.value, "name")) or ""] = property_of(
                found.value, "properties"
            )
    wanted = {(str(topic), str(app)) for topic, app in SUBSCRIPTIONS}
    if set(topics.values()) != set(Topic):
        yield f"topics are {sorted(topics.values())}, the services use {sorted(Topic)}"
    if set(subscriptions) != wanted:
        yield f"subscriptions are {sorted(subscriptions)}, the services use {sorted(wanted)}"
    classifier = subscriptions.get((str(Topic.BLOB_CREATED), str(AppId.CLASSIFIER)))
    forward = property_of(classifier, "forwardDeadLetteredMessagesTo")
    target = chain(forward) if forward is not None else None
    if target is None or topics.get(text_of(target[0])) != Topic.BLOB_CREATED_DEAD:
        yield f"dead letters of the classifier do not go to {Topic.BLOB_CREATED_DEAD}"


def check_events(root: Path) -> Iterator[str]:
    """Event Grid delivers CloudEvents about our container by identity, and keeps what it cannot deliver."""
    found = {resource.resource_type: resource.value for _, resource in project(root).resources()}
    inner = property_of(found.get("Microsoft.EventGrid/systemTopics/eventSubscriptions"), "properties")
    if literal(property_of(inner, "eventDeliverySchema")) != "CloudEventSchemaV1_0":
        yield "the event subscription must deliver CloudEvents 1.0"
    for key in ("deliveryWithResourceIdentity", "deadLetterWithResourceIdentity", "retryPolicy"):
        if property_of(inner, key) is None:
            yield f"the event subscription has no {key}"
    if property_of(inner, "destination") is not None:
        yield "the event subscription must deliver by identity, not to a bare destination"
    subject = property_of(property_of(inner, "filter"), "subjectBeginsWith")
    if subject is None or "${imagesContainer}/" not in text_of(subject):
        yield "the event subscription must be about the images' container alone"
    passed_over = f"'/${{imagesContainer}}/{ORIGINALS}/'"
    if not any(
        literal(property_of(one, "operatorType")) == "StringNotContains"
        and literal(property_of(one, "key")) == "data.url"
        and passed_over in text_of(one)
        for one in (walk(inner) if inner is not None else ())
        if one.type == "object"
    ):
        yield f"the event subscription must leave out {ORIGINALS}, which the services pass over"
    containers = {
        literal(property_of(resource.value, "name"))
        for _, resource in project(root).resources()
        if resource.resource_type.endswith("/blobServices/containers")
    }
    if CONTAINER not in containers:
        yield f"there is no container {CONTAINER!r}"
    stack = (root / "deploy" / "bicep" / "stack.bicep").read_text(encoding="utf-8")
    if not re.search(r"module eventGrid [^}]*?dependsOn: \[ storage, serviceBus \]", stack):
        yield "the event subscription must wait for storage and serviceBus: their role assignments come first"


def check_keys(root: Path) -> Iterator[str]:
    """No service of Azure takes a key."""
    seen = set()
    for known, found in project(root).resources():
        if found.existing or found.resource_type not in NO_KEYS:
            continue
        seen.add(found.resource_type)
        path, wanted = NO_KEYS[found.resource_type]
        node = found.value
        for key in path.split("."):
            node = property_of(node, key)
        if node is None or text_of(node) != wanted:
            yield f"{known.path.name}: {found.resource_type} must have {path}: {wanted}"
    for missing in sorted(set(NO_KEYS) - seen):
        yield f"there is no {missing}"


def check_senders(root: Path) -> Iterator[str]:
    """Who publishes to a topic may send to it, and no other service may."""
    files = project(root)
    bus = next(known for path, known in files.known.items() if path.name == "service-bus.bicep")
    topics = {
        found.name: literal(property_of(found.value, "name")) or ""
        for found in bus.of("resource")
        if found.resource_type == "Microsoft.ServiceBus/namespaces/topics"
    }
    allowed = {
        (grant["who"], topics[variable.name.removesuffix("Grants")])
        for variable in grant_variables(bus)
        if variable.name.removesuffix("Grants") in topics
        for grant in grants_in(variable)
        if grant["role"] == "serviceBusDataSender" and grant["who"] in set(AppId)
    }
    published = {(str(app), str(topic)) for app in AppId for topic in _published(app)}
    for app, topic in sorted(published - allowed):
        yield f"{app} publishes to {topic}, and may not send to it"
    for app, topic in sorted(allowed - published):
        yield f"{app} may send to {topic}, and publishes nothing there"
    for found in bus.of("resource"):
        inner = property_of(found.value, "properties")
        if property_of(inner, "requiresDuplicateDetection") and topics.get(found.name) in {
            t for _, t in published
        }:
            yield f"{topics[found.name]}: messages that Dapr publishes have no MessageId to detect duplicates by"


def _published(app: AppId) -> set[Topic]:
    sources = (ROOT / "services" / app).rglob("*.py")
    names = {
        name
        for path in sources
        for name in re.findall(r"publish\(\s*Topic\.(\w+)", path.read_text(encoding="utf-8"))
    }
    return {Topic[name] for name in names}
