"""What an API server refuses of a Job's podFailurePolicy; what the policy does is told elsewhere."""

import json
import re
from collections.abc import Iterator
from typing import Any

from tidegate.sandbox.tree import Object

_ACTIONS = ("Count", "FailIndex", "FailJob", "Ignore")
_OPERATORS = ("In", "NotIn")
_STATUSES = ("False", "True", "Unknown")
_NAME_PART = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_TYPE = re.compile(rf"([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?{_NAME_PART}")
_OF_TYPE = (
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric"
    f" character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '{_NAME_PART}')"
)
_MOST_RULES = 20
_MOST_VALUES = 255


def policy_faults(spec: Object) -> list[str]:
    """Give what is wrong with the policy of a Job's spec."""
    rules = spec["podFailurePolicy"].get("rules") or ()
    path = "spec.podFailurePolicy.rules"
    found = _too_many(path, rules, _MOST_RULES)
    for index, rule in enumerate(rules):
        found += _rule_faults(spec, rule, f"{path}[{index}]")
    return found


def _rule_faults(spec: Object, rule: Object, path: str) -> list[str]:
    codes, conditions = rule.get("onExitCodes"), rule.get("onPodConditions") or ()
    found = _choice(f"{path}.action", rule.get("action"), _ACTIONS)
    if rule.get("action") == "FailIndex" and "backoffLimitPerIndex" not in spec:
        found.append(f'{path}.action: Invalid value: "FailIndex": requires the backoffLimitPerIndex to be set')
    if codes is not None:
        found += _code_faults(spec, codes, f"{path}.onExitCodes")
    found += _too_many(f"{path}.onPodConditions", conditions, _MOST_RULES)
    for index, condition in enumerate(conditions):
        found += _condition_faults(condition, f"{path}.onPodConditions[{index}]")
    if codes is not None and conditions:
        found.append(f"{path}: Invalid value: specifying both OnExitCodes and OnPodConditions is not supported")
    if codes is None and not conditions:
        found.append(f"{path}: Invalid value: specifying one of OnExitCodes and OnPodConditions is required")
    return found


def _code_faults(spec: Object, codes: Object, path: str) -> list[str]:
    found = _choice(f"{path}.operator", codes.get("operator"), _OPERATORS)
    name = codes.get("containerName")
    if name is not None and name not in _containers(spec):
        where = "must be one of the container or initContainer names in the pod template"
        found.append(f'{path}.containerName: Invalid value: "{name}": {where}')
    return found + list(_value_faults(codes, f"{path}.values"))


def _value_faults(codes: Object, path: str) -> Iterator[str]:
    values: list[int] = codes.get("values") or []
    if not values:
        yield f"{path}: Invalid value: []: at least one value is required"
    yield from _too_many(path, values, _MOST_VALUES)
    seen: set[int] = set()
    for index, value in enumerate(values):
        if value == 0 and codes.get("operator") == "In":
            yield f"{path}[{index}]: Invalid value: 0: must not be 0 for the In operator"
        if value in seen:
            yield f"{path}[{index}]: Duplicate value: {value}"
        seen.add(value)
    if values != sorted(values):
        yield f"{path}: Invalid value: {json.dumps(values, separators=(',', ':'))}: must be ordered"


def _condition_faults(condition: Object, path: str) -> list[str]:
    kind = condition.get("type", "")
    found = [] if kind else [f'{path}.type: Invalid value: "": name part must be non-empty']
    if not _TYPE.fullmatch(kind):
        found.append(f'{path}.type: Invalid value: "{kind}": {_OF_TYPE}')
    return found + _choice(f"{path}.status", condition.get("status"), _STATUSES)


def _choice(path: str, value: Any, allowed: tuple[str, ...]) -> list[str]:
    if not value:
        return [f"{path}: Required value: valid values: [{' '.join(json.dumps(each) for each in allowed)}]"]
    if value in allowed:
        return []
    shown = ", ".join(json.dumps(each) for each in allowed)
    return [f"{path}: Unsupported value: {json.dumps(value)}: supported values: {shown}"]


def _too_many(path: str, found: Any, most: int) -> list[str]:
    return [f"{path}: Too many: {len(found)}: must have at most {most} items"] if len(found) > most else []


def _containers(spec: Object) -> list[str]:
    pod = spec["template"].get("spec", {})
    return [each.get("name", "") for field in ("containers", "initContainers") for each in pod.get(field) or ()]
