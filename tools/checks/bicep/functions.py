"""Bicep's own functions, and what kind of value each gives (empty: it depends)."""

from typing import Final

FUNCTIONS: Final[dict[str, str]] = {
    "any": "", "array": "array", "base64": "string", "base64ToString": "string", "bool": "bool",
    "cidrHost": "string", "cidrSubnet": "string", "coalesce": "", "concat": "", "contains": "bool",
    "createObject": "object", "dataUri": "string", "dateTimeAdd": "string", "dateTimeFromEpoch": "string",
    "deployment": "object", "empty": "bool", "endsWith": "bool", "environment": "object", "fail": "",
    "filter": "array", "first": "", "flatten": "array", "format": "string", "getSecret": "", "groupBy": "object",
    "guid": "string", "indexOf": "int", "int": "int", "intersection": "", "items": "array", "join": "string",
    "json": "", "last": "", "lastIndexOf": "int", "length": "int", "list": "", "loadFileAsBase64": "string",
    "loadJsonContent": "", "loadTextContent": "string", "loadYamlContent": "", "managementGroup": "object",
    "map": "array", "mapValues": "object", "max": "int", "min": "int", "newGuid": "string",
    "objectKeys": "array", "padLeft": "string", "pickZones": "array", "range": "array",
    "readEnvironmentVariable": "string", "reduce": "", "reference": "", "replace": "string",
    "resourceGroup": "object", "resourceId": "string", "shallowMerge": "object", "skip": "", "sort": "array",
    "split": "array", "startsWith": "bool", "string": "string", "substring": "string",
    "subscription": "object", "subscriptionResourceId": "string", "take": "", "tenant": "object",
    "tenantResourceId": "string", "toLogicalZone": "string", "toLower": "string", "toObject": "object",
    "toUpper": "string", "trim": "string", "tryGet": "", "union": "", "uniqueString": "string", "uri": "string",
    "uriComponent": "string", "uriComponentToString": "string", "utcNow": "string",
}  # fmt: skip

NAMESPACES: Final = frozenset({"az", "sys"})

LOADERS: Final = frozenset({"loadTextContent", "loadJsonContent", "loadYamlContent", "loadFileAsBase64"})
"""Functions that read a file when the Bicep is compiled."""
