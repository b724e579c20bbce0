"""What KEDA counts, and by whose right."""

from collections.abc import Iterator
from pathlib import Path

from tree_sitter import Node

from services.contracts.names import AppId
from tools.checks.agreement.files import project
from tools.checks.agreement.messaging import SUBSCRIPTIONS
from tools.checks.bicep.declarations import Declarations
from tools.checks.bicep.project import Project
from tools.checks.bicep.syntax import chain, literal, property_of, text_of, walk

SCALER = "scalerIdentityId"


def check_backlogs(root: Path) -> Iterator[str]:
    """Each service that reads messages is scaled by the backlog of every subscription that it reads, and no other."""
    files = project(root)
    for app in AppId:
        path = (root / "deploy" / "bicep" / f"{app}.bicep").resolve()
        known, tree = files.known[path], files.sources[path].root
        objects = [node for node in walk(tree) if node.type == "object"]
        rules = [node for node in objects if literal(property_of(node, "type")) == "azure-servicebus"]
        counted = set()
        for rule in rules:
            metadata = property_of(rule, "metadata")
            counted.add(
                tuple(
                    _value(files, known, property_of(metadata, key))
                    for key in ("topicName", "subscriptionName")
                )
            )
            if _text(property_of(rule, "identity")) != SCALER:
                yield f"{path.name}: KEDA counts messages as {SCALER}, no other identity may"
        read = {(str(topic), str(reader)) for topic, reader in SUBSCRIPTIONS if reader == app}
        if counted != read:
            yield f"{path.name}: KEDA counts {sorted(counted)}, the service reads {sorted(read)}"
        attached = [_text(property_of(node, "platformIdentityIds")) for node in objects]
        if rules and not any(SCALER in text for text in attached):
            yield f"{path.name}: the app has scale rules by {SCALER}, and has not that identity"


def _value(files: Project, known: Declarations, node: Node | None) -> str:
    """What stands for a string in the end, through parameters, outputs and names; else as it is written."""
    written = literal(node)
    found = chain(node) if node is not None and written is None else None
    if found is None:
        return written if written is not None else _text(node)
    declared, steps = known.by_name.get(text_of(found[0])), found[1]
    if declared is not None and declared.kind == "param" and not steps:
        for caller in files.known.values():
            for module, target in files.modules_of(caller).items():
                given = property_of(property_of(caller.by_name[module].value, "params"), declared.name)
                if target.path.resolve() == known.path.resolve() and given is not None:
                    return _value(files, caller, given)
    if declared is not None and declared.kind == "module" and len(steps) == 2 and steps[0] == "outputs":
        target = files.modules_of(known)[declared.name]
        output = target.outputs.get(str(steps[1]))
        return _value(files, target, output.value) if output is not None else _text(node)
    if declared is not None and declared.kind == "resource" and steps == ["name"]:
        return _value(files, known, property_of(declared.value, "name"))
    return _text(node)


def _text(node: Node | None) -> str:
    return text_of(node) if node is not None else ""
