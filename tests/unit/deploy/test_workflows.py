"""The workflows and Dependabot's file: valid by GitHub's schemas, least rights, pinned, and true to the project."""

import json
import re
from collections.abc import Callable, Iterator
from copy import deepcopy
from functools import cache
from importlib.resources import files
from typing import Any

import pytest
import yaml
from jsonschema.validators import validator_for

from tools.setup.locations import ROOT

Document = dict[Any, Any]
GITHUB = ROOT / ".github"
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))
PINNED = re.compile(r"[\w.-]+/[\w./-]+@(v\d+\.\d+\.\d+|[0-9a-f]{40})")


@cache
def _validator(name: str) -> Any:
    text = (files("check_jsonschema") / "builtin_schemas" / "vendor" / f"{name}.json").read_text()
    schema = json.loads(text)
    return validator_for(schema)(schema)


def load(name: str) -> Document:
    # YAML 1.1 takes the key `on` for true.
    text = re.sub(r"(?m)^on:", '"on":', (GITHUB / name).read_text())
    document: Document = yaml.safe_load(text)
    return document


def workflow_faults(workflow: Document) -> Iterator[str]:
    for error in _validator("github-workflows").iter_errors(workflow):
        yield f"{'.'.join(map(str, error.absolute_path))}: {error.message}"
    if workflow.get("permissions") != {"contents": "read"}:
        yield "permissions: more than reading by default"
    for name, job in workflow["jobs"].items():
        if "timeout-minutes" not in job:
            yield f"{name}: may hang for hours"
        for step in job["steps"]:
            uses = step.get("uses")
            if uses and not PINNED.fullmatch(uses):
                yield f"{name}: {uses} is not pinned by a full version or a commit"
            if (
                uses
                and uses.startswith("actions/checkout@")
                and step.get("with", {}).get("persist-credentials") is not False
            ):
                yield f"{name}: leaves its token in the checkout"
            if "${{ github.event" in step.get("run", ""):
                yield f"{name}: puts what others write into a shell"
            yield from _targets(name, step.get("run", ""))


def _targets(job: str, run: str) -> Iterator[str]:
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"\bmake ([\w-]+)", run):
        if not re.search(rf"(?m)^{target}:", makefile):
            yield f"{job}: the Makefile has no {target}"
    for path in re.findall(r"\b(?:deploy|tools|components)/[\w./-]+", run):
        if not (ROOT / path).exists():
            yield f"{job}: there is no {path}"


@pytest.mark.parametrize("name", [path.name for path in WORKFLOWS])
def test_a_workflow_is_right(name: str) -> None:
    assert list(workflow_faults(load(f"workflows/{name}"))) == []


def test_dependabot_looks_at_every_pin() -> None:
    document = load("dependabot.yml")
    assert [error.message for error in _validator("dependabot").iter_errors(document)] == []
    watched = {
        (update["package-ecosystem"], folder)
        for update in document["updates"]
        for folder in update.get("directories", [update.get("directory")])
    }
    names = {"package-lock.json": "npm", "go.mod": "gomod"}
    for file in (
        file for name in names for file in (ROOT / "tools").rglob(name) if "node_modules" not in file.parts
    ):
        assert (names[file.name], f"/{file.parent.relative_to(ROOT)}") in watched, file
    assert {("docker", "/deploy/images"), ("docker-compose", "/"), ("github-actions", "/")} <= watched


def test_every_image_is_released() -> None:
    matrix = load("workflows/release.yml")["jobs"]["images"]["strategy"]["matrix"]["include"]
    built = {entry["name"]: entry["service"] for entry in matrix}
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"].values()
    ours = {
        service["image"]: service["build"].get("args", {}).get("SERVICE", "")
        for service in compose
        if "build" in service
    }
    assert built == ours
    assert all((ROOT / f"deploy/images/{entry['file']}.Dockerfile").exists() for entry in matrix)


PLANTED: list[tuple[str, Callable[[Document], Any]]] = [
    ("'run-on': 'ubuntu'", lambda w: w["jobs"]["test"].update({"run-on": "ubuntu"})),
    ("is not valid under any", lambda w: w.update({"on": {"pushed": {}}})),
    ("more than reading", lambda w: w.update(permissions="write-all")),
    ("may hang", lambda w: w["jobs"]["test"].pop("timeout-minutes")),
    ("not pinned", lambda w: w["jobs"]["test"]["steps"][0].update(uses="actions/checkout@v4")),
    ("leaves its token", lambda w: w["jobs"]["test"]["steps"][0].pop("with")),
    ("what others write", lambda w: w["jobs"]["test"]["steps"][-1].update(run="echo ${{ github.event.issue.title }}")),
    ("the Makefile has no tests", lambda w: w["jobs"]["test"]["steps"][-1].update(run="make tests")),
    ("there is no deploy/main.bicep", lambda w: w["jobs"]["bicep"]["steps"][-1].update(run="az bicep build deploy/main.bicep")),
]  # fmt: skip


@pytest.mark.parametrize(("says", "plant"), PLANTED, ids=[says for says, _ in PLANTED])
def test_a_planted_fault_is_found(says: str, plant: Callable[[Document], Any]) -> None:
    broken = deepcopy(load("workflows/ci.yml"))
    plant(broken)
    found = list(workflow_faults(broken))
    assert any(says in fault for fault in found), found
