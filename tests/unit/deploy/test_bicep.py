"""The project's Bicep has no fault that the offline check knows; and the check sees each kind of fault."""

from pathlib import Path

import pytest

from tests.unit.deploy.bicep_files import MAIN, copy_to, library, needs_type_data, plant
from tools.checks.bicep import check_project
from tools.checks.bicep.faults import Unreadable

pytestmark = [needs_type_data, pytest.mark.timeout(300)]


def test_the_bicep_is_right() -> None:
    faults = check_project(MAIN, library())

    assert not faults, "\n".join(map(str, faults))


# file, what stands there, what stands there instead, part of what the check says
FAULTS = [
    # syntax
    ("modules/app.bicep", "registries: [", "registries: [[", "syntax error"),
    ("main.bicepparam", "'small')", "'small'", "syntax error"),
    # resource types and their bodies
    (
        "modules/vault.bicep",
        "Microsoft.KeyVault/vaults@",
        "Microsoft.KeyVault/safes@",
        "no such resource type",
    ),
    (
        "modules/storage.bicep",
        "storageAccounts@2025-01-01",
        "storageAccounts@2021-01-01",
        "cannot be checked",
    ),
    (
        "modules/storage.bicep",
        "allowSharedKeyAccess:",
        "allowSharedKeys:",
        "allowSharedKeys: there is no such",
    ),
    (
        "modules/cosmos.bicep",
        "disableLocalAuth: true",
        "disableLocalAuth: 'yes'",
        "bool is wanted, string is given",
    ),
    (
        "modules/cosmos.bicep",
        "    databaseAccountOfferType: 'Standard'\n",
        "",
        "`databaseAccountOfferType` is missing",
    ),
    ("modules/cosmos.bicep", "'BoundedStaleness'", "'Strict'", "'Strict' is none of"),
    ("modules/cosmos.bicep", "maxStalenessPrefix: 100000", "maxStalenessPrefix: '100000'", "int is wanted"),
    (
        "modules/event-grid.bicep",
        "endpointType: 'ServiceBusTopic'",
        "endpointType: 'Topic'",
        "must be one of",
    ),
    (
        "modules/event-grid.bicep",
        "operatorType: 'StringNotContains'",
        "operatorType: 'StringContainsNot'",
        "must be one of",
    ),
    ("modules/event-grid.bicep", "operatorType: 'StringIn'", "operatorType: 'StringsIn'", "must be one of"),
    (
        "modules/event-grid.bicep",
        "resourceId: topicId }",
        "resource: topicId }",
        ".resource: there is no such",
    ),
    ("modules/app.bicep", "httpMaxRequestSize: 32", "httpMaxRequestSize: '32Mi'", "int is wanted"),
    (
        "modules/app.bicep",
        "appProtocol: 'http'\n",
        "appProtocol: 'http'\n        appProtocol: 'http'\n",
        "given twice",
    ),
    (
        "modules/app.bicep",
        "environmentId: environmentId\n",
        "environmentId: [ environmentId ]\n",
        "string is wanted",
    ),
    ("modules/app.bicep", "scale: {", "scale: [", "syntax error"),
    (
        "modules/sign-in.bicep",
        "appName\n}",
        "appName\n}\n\nresource x 'A.b/c@2020-01-01' = {}",
        "no such resource",
    ),
    ("modules/alerts.bicep", "severity: 2", "severity: 'high'", "int is wanted"),
    ("modules/alerts.bicep", "windowSize: 'PT15M'\n", "", "`windowSize` is missing"),
    (
        "modules/service-bus.bicep",
        "if (privateNetwork) {\n  parent: bus\n  name: 'default'",
        "if (privateNetwork) {\n  parent: bus\n  name: 'first'",
        "'first' is none of default",
    ),
    ("modules/search.bicep", "endpoint string = 'https", "id string = 'https", "`id` is declared twice"),
    # names
    ("modules/storage.bicep", "parent: blobs", "parent: blob", "`blob` is not declared"),
    (
        "modules/storage.bicep",
        "subscriptionResourceId(",
        "subscriptionResource(",
        "subscriptionResource()` is not declared",
    ),
    ("modules/storage.bicep", "principals[grant.who]", "principals[grants.who]", "`grants` is not declared"),
    (
        "modules/dapr-components.bicep",
        "replace(string(text)",
        "replace(string(texts)",
        "`texts` is not declared",
    ),
    (
        "modules/dapr-resiliency.bicep",
        "int(replace(duration, 'ms'",
        "int(replace(time, 'ms'",
        "`time` is not declared",
    ),
    (
        "modules/vision.bicep",
        "param prefix string",
        "param prefix string\nparam spare string = ''",
        "`spare` is never used",
    ),
    (
        "modules/vision.bicep",
        "output ids array = [for i in range(0, count): account[i].id]",
        "output ids array = [for i in range(0, count): account.id]",
        "an index is missing",
    ),
    (
        "modules/budget.bicep",
        "resource budget",
        "var name = 'x'\nresource budget",
        "`name` is declared twice",
    ),
    # what is taken out of resources and modules
    (
        "modules/cosmos.bicep",
        "account.properties.documentEndpoint",
        "account.properties.endpoint",
        "has no `endpoint` there",
    ),
    ("modules/storage.bicep", "primaryEndpoints.blob", "primaryEndpoints.blobs", "has no `blobs` there"),
    ("stack.bicep", "storage.outputs.blobEndpoint", "storage.outputs.endpoint", "has no output `endpoint`"),
    ("stack.bicep", "storage.outputs.id", "storage.output.id", "a module has `outputs` and `name`"),
    ("apps.bicep", "ingestHosting[0].outputs", "ingestHosting.outputs", "an index is missing"),
    ("modules/hosting.bicep", "environment.outputs.name", "environment[0].outputs.name", "is no loop"),
    ("stack.bicep", "dependsOn: [ storage, serviceBus ]", "dependsOn: [ storage, sizing ]", "is no resource"),
    # modules, imports, files
    ("stack.bicep", "modules/vault.bicep", "modules/vaults.bicep", "there is no such file"),
    ("stack.bicep", "    sku: sizing.registrySku\n", "", "parameter `sku` is not given"),
    (
        "stack.bicep",
        "    partitions: sizing.searchPartitions\n",
        "",
        "parameter `partitions` is not given",
    ),
    ("query.bicep", "      backlogs\n", "      backlog\n", "`backlog` is not declared"),
    (
        "stack.bicep",
        "    sku: sizing.registrySku\n",
        "    sku: sizing.registrySku\n    tier: 'x'\n",
        "has no parameter `tier`",
    ),
    (
        "stack.bicep",
        "    privateNetwork: privateNetwork\n",
        "    privateNetwork: 'yes'\n",
        "`privateNetwork` is bool, string is given",
    ),
    (
        "apps.bicep",
        "handlers: sizing.classifier.handlers",
        "handlers: apiKeysUrl",
        "`handlers` is int, string is given",
    ),
    ("apps.bicep", "primary: i == 0", "primary: registryServer", "`primary` is bool, string is given"),
    ("main.bicep", "  name: 'stack'\n", "", "module `stack` has no `name`"),
    ("modules/registry.bicep", "'../role-ids.bicep'", "'../roles.bicep'", "there is no such file"),
    ("modules/registry.bicep", "{ roleIds }", "{ roles as roleIds }", "declares no `roles`"),
    ("role-ids.bicep", "@export()\nvar roleIds", "var roleIds", "does not export `roleIds`"),
    ("stack.bicep", "sizes/large.json", "sizes/huge.json", "sizes/huge.json"),
    ("main.bicepparam", "param size =", "param scale =", "has no parameter `scale`"),
    (
        "main.bicepparam",
        "bool(readEnvironmentVariable('CLAIMLENS_SEARCH', 'false'))",
        "'false'",
        "`search` is bool",
    ),
    (
        "main.bicepparam",
        "param location = readEnvironmentVariable('AZURE_LOCATION', '')\n",
        "",
        "`location` of ./main.bicep",
    ),
    # roles
    ("role-ids.bicep", "7f951dda-4ed3", "7f951ddb-4ed3", "is no role"),
    ("modules/registry.bicep", "    principalType: 'ServicePrincipal'\n", "", "principalType must be"),
    (
        "modules/registry.bicep",
        "guid(registry.id, principals[grant.who], grant.role)",
        "newGuid()",
        "made by guid()",
    ),
    ("modules/registry.bicep", "  scope: registry\n", "", "has no scope"),
    ("modules/registry.bicep", "role: 'acrPull'", "role: 'acrPush'", "`acrPush` is no role in the table"),
]


@pytest.mark.parametrize(("file", "old", "new", "expected"), FAULTS, ids=[f"{f[0]}: {f[3]}" for f in FAULTS])
def test_a_planted_fault_is_found(tmp_path: Path, file: str, old: str, new: str, expected: str) -> None:
    faults = plant(copy_to(tmp_path), file, old, new)

    assert any(expected in fault.text for fault in faults), "\n".join(map(str, faults)) or "nothing was found"
    assert any(file in str(fault.path) for fault in faults) or file == "role-ids.bicep"


def test_broken_yaml_that_bicep_reads_is_found(tmp_path: Path) -> None:
    main = copy_to(tmp_path)
    (tmp_path / "components" / "azure" / "images.yaml").write_text("a: [", encoding="utf-8")

    faults = check_project(main, library())

    assert [fault.path.name for fault in faults] == ["dapr-components.bicep"]


def test_a_main_that_is_not_there_cannot_be_checked(tmp_path: Path) -> None:
    with pytest.raises(Unreadable):
        check_project(tmp_path / "main.bicep", library())
