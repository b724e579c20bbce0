"""From the text of a rule file to rules, or to its faults in a person's words."""

import difflib
import hashlib
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import yaml
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from services.classifier.labels.errors import BadRules
from services.classifier.labels.rules import Clue, Rule, RuleFile

MAX_BYTES: Final = 256 * 1024
MAX_FAULTS: Final = 20

_ALLOWED: Final = {
    "clue": sorted(field.alias or name for name, field in Clue.model_fields.items()),
    "rule": sorted(field.alias or name for name, field in Rule.model_fields.items()),
    "file": sorted(field.alias or name for name, field in RuleFile.model_fields.items()),
}


@dataclass(frozen=True)
class RuleSet:
    """``version``: the file's name and the beginning of its checksum, as in ``claims@1a2b3c4d``."""

    version: str
    file: RuleFile


def read_rules(content: bytes, *, name: str, where: str) -> RuleSet:
    """Rules from a file's bytes; ``where`` is how faults call it. Raises BadRules, with every fault."""
    if len(content) > MAX_BYTES:
        raise BadRules(where, [f"{len(content)} bytes, at most {MAX_BYTES} are allowed"])
    try:
        # A subclass of SafeLoader.
        given = yaml.load(content.decode("utf-8-sig"), _Loader)
    except UnicodeDecodeError as error:
        raise BadRules(where, [f"not UTF-8: {error.reason} at byte {error.start}"]) from error
    except yaml.YAMLError as error:
        raise BadRules(where, [_yaml_fault(error)]) from error
    except RecursionError as error:
        raise BadRules(where, ["nested too deeply"]) from error
    if not isinstance(given, dict):
        raise BadRules(where, ["must be a mapping with the key `rules`"])
    try:
        file = RuleFile.model_validate(given)
    except ValidationError as error:
        found = error.errors(include_url=False)
        faults = [_fault(each, given) for each in found[:MAX_FAULTS]]
        more = [f"and {len(found) - MAX_FAULTS} more"] if len(found) > MAX_FAULTS else []
        raise BadRules(where, faults + more) from error
    return RuleSet(f"{name}@{hashlib.sha256(content).hexdigest()[:8]}", file)


class _Loader(yaml.SafeLoader):
    """Refuses what YAML would take in silence: a key twice; and aliases, of which a small file can make a huge one."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.events.AliasEvent):
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise yaml.constructor.ConstructorError(None, None, "aliases (*name) are not taken", mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Hashable, Any]:
        seen = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise yaml.constructor.ConstructorError(None, None, "a key must be a word", key.start_mark)
            if key.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key.value!r} stands twice in one mapping", key.start_mark
                )
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def _yaml_fault(error: yaml.YAMLError) -> str:
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark:
        mark = error.problem_mark
        return f"line {mark.line + 1}, column {mark.column + 1}: {error.problem or error.context}"
    return f"not YAML: {error}"


def _fault(error: ErrorDetails, given: dict[str, Any]) -> str:
    where, level = _place(error["loc"], given)
    return f"{where}: {_what(error, level)}" if where else _what(error, level)


def _place(loc: Sequence[int | str], given: dict[str, Any]) -> tuple[str, str]:
    """In words, and whether it is in the file, a rule or a clue."""
    if len(loc) < 2 or loc[0] != "rules" or not isinstance(loc[1], int):
        return ".".join(map(str, loc)), "file"
    rule = given["rules"][loc[1]]
    name = rule.get("name") if isinstance(rule, dict) else None
    parts = [f"rule {name!r}" if isinstance(name, str) else f"rule number {loc[1] + 1}"]
    rest = list(loc[2:])
    level = "rule"
    if len(rest) > 1 and isinstance(rest[1], int):
        parts.append(f"{rest[0]} number {rest[1] + 1}")
        rest = rest[2:]
        level = "clue"
    if rest:
        names = [f"number {part + 1}" if isinstance(part, int) else part for part in rest]
        parts.append(" ".join(names))
    return ": ".join(parts), level


def _what(error: ErrorDetails, level: str) -> str:
    context = error.get("ctx", {})
    shown = _shown(error["input"])
    match error["type"]:
        case "extra_forbidden":
            key = str(error["loc"][-1])
            near = difflib.get_close_matches(key, _ALLOWED[level], 1)
            hint = f", perhaps {near[0]!r}" if near else ""
            return f"there is no such field{hint}; allowed are {', '.join(_ALLOWED[level])}"
        case "missing":
            return "must be given"
        case "greater_than_equal" | "less_than_equal" | "greater_than":
            bound = {"greater_than_equal": "at least", "less_than_equal": "at most", "greater_than": "above"}
            limit = context.get("ge", context.get("le", context.get("gt")))
            return f"must be {bound[error['type']]} {limit:g}, not {shown}"
        case "float_type" | "int_type" | "int_from_float":
            return f"must be a {'whole ' if 'int' in error['type'] else ''}number, not {shown}"
        case "bool_type":
            return f"must be true or false, not {shown}"
        case "string_type":
            return f"must be text, not {shown}; put it in quotes"
        case "string_pattern_mismatch" if error["loc"][-1] in ("name", "label"):
            return f"must be words of a-z and 0-9 joined by hyphens, as in water-damage; not {shown}"
        case "string_pattern_mismatch" | "string_too_short":
            return f"must have a letter or digit in it, not {shown}"
        case "string_too_long":
            return f"must have at most {context['max_length']} characters"
        case "list_type" if level == "clue":
            return f"must be text, or a list of texts, not {shown}; put it in quotes"
        case "list_type":
            return f"must be a list, not {shown}"
        case "too_short":
            return "must not be an empty list"
        case "too_long":
            return f"must be a list of at most {context['max_length']}, not of {context['actual_length']}"
        case "model_type":
            return (
                f"must be a mapping such as {{{'tag: car' if level == 'clue' else 'name: …'}}}, not {shown}"
            )
        case "value_error":
            return str(context["error"])
    return f"{error['msg']}, not {shown}"


def _shown(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    text = repr(value)
    return text if len(text) <= 60 else text[:59] + "…"
