"""The deployment and the code agree on names, settings, ports, sizes and rights; the checks see where they do not."""

import shutil
from pathlib import Path

import pytest

from tools.checks.agreement import check_agreement
from tools.checks.azure_yaml import check_azure_yaml
from tools.setup.locations import ROOT

FILES = (
    "dapr.yaml",
    "azure.yaml",
    "docs/deploy-azure.md",
    "deploy/preflight.py",
    "deploy/images/services.Dockerfile",
)
FOLDERS = ("deploy/bicep", "components/azure", "components/local")


def copy_to(root: Path) -> None:
    for folder in FOLDERS:
        shutil.copytree(ROOT / folder, root / folder)
    for file in FILES:
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / file, root / file)


def test_the_deployment_agrees_with_the_code() -> None:
    assert check_agreement(ROOT) == []


def test_azds_file_is_right() -> None:
    assert list(check_azure_yaml(ROOT)) == []


BUS = "deploy/bicep/modules/service-bus.bicep"
EVENTS = "deploy/bicep/modules/event-grid.bicep"
GUIDE = "docs/deploy-azure.md"
FAULTS = [
    (BUS, "name: 'image-classified'", "name: 'images-classified'", "topics are"),
    (BUS, "parent: created\n  name: 'query'", "parent: created\n  name: 'search'", "subscriptions are"),
    (
        BUS,
        "forwardDeadLetteredMessagesTo: dead.name",
        "forwardDeadLetteredMessagesTo: classified.name",
        "dead letters",
    ),
    (BUS, "  { who: 'ingest', role: 'serviceBusDataSender' }\n", "", "ingest publishes to image-classified"),
    (BUS, "{ who: 'eventGrid', role", "{ who: 'query', role", "query may send to blob-created"),
    (
        BUS,
        "name: 'image-classified'\n  properties: {",
        "name: 'image-classified'\n  properties: { requiresDuplicateDetection: true",
        "no MessageId",
    ),
    (EVENTS, "'CloudEventSchemaV1_0'", "'EventGridSchema'", "CloudEvents 1.0"),
    (EVENTS, "deadLetterWithResourceIdentity:", "labels:", "no deadLetterWithResourceIdentity"),
    (EVENTS, "    retryPolicy: {", "    destination: {", "not to a bare destination"),
    (EVENTS, "${imagesContainer}/", "", "images' container alone"),
    (EVENTS, "/_originals/", "/originals/", "must leave out _originals"),
    (EVENTS, "key: 'data.url'", "key: 'subject'", "must leave out _originals"),
    (EVENTS, "'StringNotContains'", "'StringContains'", "must leave out _originals"),
    (
        "deploy/bicep/apps.bicep",
        "classifiedTopic: classifiedTopic",
        "classifiedTopic: deadTopic",
        "query.bicep: KEDA counts",
    ),
    (
        "deploy/bicep/stack.bicep",
        "serviceBus.outputs.classifierSubscription",
        "serviceBus.outputs.querySubscription",
        "classifier.bicep: KEDA counts",
    ),
    (BUS, "string = createdQuery.name", "string = createdClassifier.name", "query.bicep: KEDA counts"),
    ("deploy/bicep/query.bicep", "type: 'azure-servicebus'", "type: 'cpu'", "query.bicep: KEDA counts"),
    (
        "deploy/bicep/query.bicep",
        "identity: scalerIdentityId",
        "identity: identityId",
        "no other identity may",
    ),
    (
        "deploy/bicep/query.bicep",
        "[ pullIdentityId, scalerIdentityId ]",
        "[ pullIdentityId ]",
        "query.bicep: the app has scale rules",
    ),
    ("deploy/bicep/modules/storage.bicep", "name: 'images'", "name: 'pictures'", "no container 'images'"),
    (
        "deploy/bicep/stack.bicep",
        "dependsOn: [ storage, serviceBus ]",
        "dependsOn: [ storage ]",
        "role assignments come first",
    ),
    (
        "deploy/bicep/modules/storage.bicep",
        "allowSharedKeyAccess: false",
        "allowSharedKeyAccess: true",
        "allowSharedKeyAccess: false",
    ),
    (
        "deploy/bicep/modules/vision.bicep",
        "    disableLocalAuth: true\n",
        "",
        "CognitiveServices/accounts must have",
    ),
    ("deploy/bicep/modules/dapr-components.bicep", "azure/secrets.yaml", "azure/images.yaml", "Bicep loads"),
    ("components/azure/images.yaml", "  name: images\n", "  name: pictures\n", "components on Azure are"),
    (
        "components/azure/images.yaml",
        "bindings.azure.blobstorage",
        "state.azure.blobstorage",
        "images: state on Azure",
    ),
    ("components/azure/secrets.yaml", "- query", "- classifier", "secrets: scopes on Azure"),
    (
        "deploy/bicep/classifier.bicep",
        "CLAIMLENS_IMAGE_LINK",
        "CLAIMLENS_IMAGE_LINKS",
        "CLAIMLENS_IMAGE_LINKS is no setting",
    ),
    (
        "deploy/bicep/query.bicep",
        "'CLAIMLENS_CONTENT_MODE', value: 'bytes'",
        "'CLAIMLENS_CONTENT_MODE', value: 'byte'",
        "content_mode",
    ),
    ("dapr.yaml", "appPort: 8002", "appPort: 8004", "classifier.bicep: the port"),
    ("azure.yaml", "  classifier:\n", "  tagger:\n", "azure.yaml has the services"),
    ("deploy/bicep/ingest.bicep", "service: 'ingest'", "service: 'upload'", "the app's id is not ingest"),
    (
        "deploy/bicep/modules/app.bicep",
        "httpMaxRequestSize: 32",
        "httpMaxRequestSize: 20",
        "httpMaxRequestSize must",
    ),
    ("deploy/bicep/query.bicep", "graceSeconds: 45", "graceSeconds: 20", "graceSeconds must be 30"),
    ("deploy/bicep/sizes/medium.json", '"handlers"', '"handler"', "differs from small.json"),
    ("deploy/bicep/sizes/large.json", '"0.83"', '"5"', "calls a minute are set"),
    (
        "deploy/bicep/sizes/trial.json",
        '"sku": "F0", "accounts": 1, "callsPerMinute": 20',
        '"sku": "F0", "accounts": 1, "callsPerMinute": 10',
        "more than Vision answers",
    ),
    ("deploy/bicep/sizes/medium.json", '"memory": "1Gi"', '"memory": "2Gi"', "must have 1Gi"),
    ("deploy/bicep/query.bicep", "sizing.cpu", "sizing.cores", "sizing.cores"),
    ("deploy/bicep/stack.bicep", "sizing.searchPartitions", "sizing.partitions", "sizing.partitions"),
    (
        "deploy/bicep/main.bicep",
        "@allowed([ 'trial', ",
        "@allowed([ ",
        "main.bicep: the sizes to choose from",
    ),
    ("deploy/bicep/stack.bicep", "sizes/trial.json", "sizes/small.json", "stack.bicep: the sizes loaded"),
    (GUIDE, "| `small` | `trial`, ", "| `small` | ", "the sizes of CLAIMLENS_SIZE"),
    ("components/azure/resiliency.yaml", "maxRetries: 7", "maxRetries: 12", "handlerTimeoutInSec is shorter"),
    ("components/azure/image-events.yaml", 'value: "20"', 'value: "50"', "locks must last"),
    (GUIDE, "| `CLAIMLENS_SEARCH` |", "| `CLAIMLENS_FIND` |", "differ in"),
    ("deploy/preflight.py", 'own("ALERT_EMAIL")', 'own("ALERTS")', "looks at CLAIMLENS_ALERTS"),
    (
        GUIDE,
        "| `query` | Cosmos DB Built-in Data Reader |",
        "| `query` | Cosmos DB Built-in Data Contributor |",
        "does not say that query",
    ),
    (
        "deploy/bicep/modules/cosmos.bicep",
        "{ who: 'query', role: 'dataReader' }",
        "{ who: 'query', role: 'dataContributor' }",
        "Bicep does not give it",
    ),
    (
        "deploy/bicep/stack.bicep",
        "name: 'clm${short}${token}'",
        "name: 'store${short}${token}'",
        "24 are allowed",
    ),
    (
        "deploy/bicep/apps.bicep",
        "'classifier-${prefix}-${i}'",
        "'classifier-${token}${prefix}'",
        "32 are allowed",
    ),
]


@pytest.mark.parametrize(("file", "old", "new", "expected"), FAULTS, ids=[f"{f[0]}: {f[3]}" for f in FAULTS])
def test_a_disagreement_is_found(tmp_path: Path, file: str, old: str, new: str, expected: str) -> None:
    copy_to(tmp_path)
    text = (tmp_path / file).read_text(encoding="utf-8")
    assert old in text
    (tmp_path / file).write_text(text.replace(old, new, 1), encoding="utf-8")

    faults = check_agreement(tmp_path)

    assert any(expected in fault for fault in faults), faults


AZD_FAULTS = [
    ("host: containerapp", "host: appservice", "'containerapp' was expected"),
    ("remoteBuild: true", "remote: true", "'remote' was unexpected"),
    ("path: deploy/bicep", "path: infra", "has no main.bicep"),
    ("SERVICE=query", "SERVICE=search", "buildArgs must be SERVICE=query"),
    ("services.Dockerfile", "service.Dockerfile", "there is no deploy/images/service.Dockerfile"),
    ("python3 deploy/preflight.py", "python3 deploy/check.py", "there is no deploy/check.py"),
    ("azd: deploy --all", "azd: publish", "is not one of"),
    ("services:", "services: [", "while parsing"),
]


@pytest.mark.parametrize(("old", "new", "expected"), AZD_FAULTS, ids=[f[2] for f in AZD_FAULTS])
def test_a_fault_of_azds_file_is_found(tmp_path: Path, old: str, new: str, expected: str) -> None:
    copy_to(tmp_path)
    text = (tmp_path / "azure.yaml").read_text(encoding="utf-8")
    assert old in text
    (tmp_path / "azure.yaml").write_text(text.replace(old, new, 1), encoding="utf-8")

    faults = list(check_azure_yaml(tmp_path))

    assert any(expected in fault for fault in faults), faults
