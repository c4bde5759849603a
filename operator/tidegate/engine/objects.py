"""The body `wait.for`: waits until an object of the cluster is as it should be.

The object is read elsewhere, with the rights of the task's ServiceAccount; here is decided what that means. What the
object does not have yet, is not true yet; what can never be evaluated fails the task.
"""

import re
from collections.abc import Mapping
from typing import Any

from tidegate.api.bodies import WaitFor
from tidegate.api.conditions import find
from tidegate.engine import ledger as letters
from tidegate.engine.actions import LookAt
from tidegate.engine.draft import Draft
from tidegate.engine.graph import Node
from tidegate.engine.records import shortened
from tidegate.engine.templating import render_text
from tidegate.errors import ExpressionError, FieldMissing

DEFAULT_ACCOUNT = "default"
NOT_YET = "NotYet"

_NAME = re.compile(r"[a-zA-Z0-9]([-a-zA-Z0-9._:]{0,251}[a-zA-Z0-9])?")
"""What can stand in an object's path; anything else could lead to another one."""


def look(draft: Draft, node: Node) -> None:
    """End the wait when the object is as it should be; else say how it is, and ask for another look.

    Raises:
        ExpressionError: the object's name or `when` cannot be evaluated.
    """
    wanted = _wanted(draft, node)
    if not _NAME.fullmatch(wanted.name):
        message = f"wait.for.name: got {shortened(repr(wanted.name), 80)}; expected the name of an object"
        draft.finish(node.slot, letters.FAILED, "InvalidName", message)
        return
    fact = draft.facts.objects.get(node.slot)
    if fact is None:
        if not draft.record(node.slot).message:
            draft.tell(node.slot, NOT_YET, f"{told(wanted)} was not read yet")
    elif draft.facts.changed is None or node.slot in draft.facts.changed:
        reason, message = (fact.reason, fact.message) if fact.object is None else _missing(node, fact.object)
        if not message:
            draft.succeed(node.slot, {})
            return
        draft.tell(node.slot, reason, f"{told(wanted)}: {message}" if fact.object is not None else message)
    draft.actions.append(wanted)


def told(wanted: LookAt) -> str:
    """Name an object as kubectl does."""
    group = f".{wanted.group}" if wanted.group else ""
    return f'{wanted.resource}{group} "{wanted.name}"'


def _wanted(draft: Draft, node: Node) -> LookAt:
    wait_for = _wait_for(node)
    name = render_text(node.inputs["name"], draft.context(node))
    account = node.task.service_account_name or DEFAULT_ACCOUNT
    return LookAt(draft.attempt(node.slot), wait_for.group, wait_for.resource, name, account)


def _missing(node: Node, obj: Mapping[str, Any]) -> tuple[str, str]:
    """Say what the object still lacks; an empty message when it is as it should be."""
    wait_for = _wait_for(node)
    return _condition(obj, wait_for.condition) if wait_for.condition is not None else _when(node, obj)


def _condition(obj: Mapping[str, Any], kind: str) -> tuple[str, str]:
    status = obj.get("status")
    conditions = status.get("conditions") if isinstance(status, dict) else None
    found = find([c for c in conditions if isinstance(c, dict)] if isinstance(conditions, list) else None, kind)
    if found is None:
        return NOT_YET, f"it has no condition {kind}"
    if found.get("status") == "True":
        return "", ""
    words = ": ".join(str(found[key]) for key in ("reason", "message") if found.get(key))
    return NOT_YET, f"{kind} is {found.get('status')}{': ' if words else ''}{words}"


def _when(node: Node, obj: Mapping[str, Any]) -> tuple[str, str]:
    when = node.inputs["when"]
    try:
        value = when.evaluate({"object": obj})
    except FieldMissing as error:
        return NOT_YET, error.message
    if not isinstance(value, bool):
        raise ExpressionError(f"wait.for.when gave {type(value).__name__}; expected true or false: {when.text}")
    return ("", "") if value else (NOT_YET, f"{when.text} is false")


def _wait_for(node: Node) -> WaitFor:
    assert node.task.wait is not None  # noqa: S101  the caller looked
    assert node.task.wait.for_ is not None  # noqa: S101  likewise
    return node.task.wait.for_
