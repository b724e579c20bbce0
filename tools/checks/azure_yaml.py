"""azure.yaml: azd's project file, against a schema of our own and the files that it names."""

import json
from collections.abc import Iterator
from pathlib import Path

import jsonschema
import yaml

SCHEMA = Path(__file__).with_name("azure_yaml.schema.json")


def check_azure_yaml(root: Path) -> Iterator[str]:
    """What is wrong with ``root/azure.yaml``."""
    try:
        document = yaml.safe_load((root / "azure.yaml").read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        yield f"azure.yaml: {error}"
        return
    validator = jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8")))
    faults = [f"azure.yaml: {error.json_path}: {error.message}" for error in validator.iter_errors(document)]
    yield from faults
    if faults:
        return
    infra = document["infra"]
    if not (root / infra["path"] / f"{infra['module']}.bicep").is_file():
        yield f"azure.yaml: {infra['path']} has no {infra['module']}.bicep"
    for name, service in document["services"].items():
        docker = service["docker"]
        if not (root / service["project"] / docker["path"]).is_file():
            yield f"azure.yaml: {name}: there is no {docker['path']}"
        if docker["buildArgs"] != [f"SERVICE={name}"]:
            yield f"azure.yaml: {name}: buildArgs must be SERVICE={name}"
    for system, hook in document["hooks"]["preprovision"].items():
        script = str(hook["run"]).split()[-1]
        if not (root / script).is_file():
            yield f"azure.yaml: preprovision on {system}: there is no {script}"
