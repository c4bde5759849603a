"""Which fields of which kind may not change once they are set, as the API server enforces it."""

import json
from collections.abc import Callable, Iterator
from typing import Any

from tidegate.sandbox.kinds import CONFIGMAPS, FLOWRUNS, JOBS, PODS, REVISIONS, SECRETS, Key, Kind, Object
from tidegate.sandbox.refusals import Cause

_JOB_FIELDS = (
    "completionMode",
    "podFailurePolicy",
    "backoffLimitPerIndex",
    "managedBy",
    "successPolicy",
    "selector",
    "template",
)
_POD_FIELDS = {"activeDeadlineSeconds", "terminationGracePeriodSeconds", "tolerations", "schedulingGates"}
_RUN_FIELDS = {"desiredState", "priority", "ttlSecondsAfterFinished"}
_SCHEDULING = {"nodeSelector", "affinity", "tolerations", "schedulingGates"}


def forbidden_changes(kind: Kind, old: Object, new: Object) -> list[Cause]:
    """Name the fields that differ between two states of an object and must not."""
    rule = _RULES.get(kind.key)
    return list(rule(old, new)) if rule else []


def _job(old: Object, new: Object) -> Iterator[Cause]:
    before, after = old["spec"], new.get("spec") or {}
    for field in _JOB_FIELDS:
        if before.get(field) == after.get(field):
            continue
        if field == "template" and _only_scheduling(old, before[field], after.get(field)):
            continue
        yield Cause(f"spec.{field}", f"Invalid value: {_shown(after.get(field))}: field is immutable")
    if before.get("completions") != after.get("completions") and before.get("completionMode") != "Indexed":
        yield Cause("spec.completions", f"Invalid value: {_shown(after.get('completions'))}: field is immutable")


def _only_scheduling(old: Object, before: Object, after: Object | None) -> bool:
    """A suspended Job that never started may be told where to run: that is how Kueue places it."""
    if after is None or not old["spec"].get("suspend") or old.get("status", {}).get("startTime"):
        return False
    return _without(before) == _without(after)


def _without(template: Object) -> Object:
    spec = {name: value for name, value in (template.get("spec") or {}).items() if name not in _SCHEDULING}
    metadata = {
        name: value for name, value in (template.get("metadata") or {}).items() if name not in {"labels", "annotations"}
    }
    return {**template, "metadata": metadata, "spec": spec}


def _data(old: Object, new: Object) -> Iterator[Cause]:
    if not old.get("immutable"):
        return
    if not new.get("immutable"):
        yield Cause("immutable", "Forbidden: field is immutable when `immutable` is set")
    for field in ("data", "binaryData"):
        if (old.get(field) or {}) != (new.get(field) or {}):
            yield Cause(field, "Forbidden: field is immutable when `immutable` is set")


def _secret(old: Object, new: Object) -> Iterator[Cause]:
    yield from _data(old, new)
    if old.get("type") != new.get("type"):
        yield Cause("type", f"Invalid value: {_shown(new.get('type'))}: field is immutable")


def _revision(old: Object, new: Object) -> Iterator[Cause]:
    if old.get("data") != new.get("data"):
        yield Cause("data", f"Invalid value: {_shown(new.get('data'))}: field is immutable")


def _pod(old: Object, new: Object) -> Iterator[Cause]:
    before, after = old["spec"], new.get("spec") or {}
    fixed = (before.keys() | after.keys()) - _POD_FIELDS - {"containers", "initContainers"}
    same = all(before.get(name) == after.get(name) for name in fixed)
    if not same or any(_images_apart(before, field) != _images_apart(after, field) for field in _CONTAINERS):
        yield Cause(
            "spec",
            "Forbidden: pod updates may not change fields other than `spec.containers[*].image`,"
            "`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to "
            "existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was "
            "previously negative)",
        )


_CONTAINERS = ("containers", "initContainers")


def _images_apart(spec: Object, field: str) -> list[Object]:
    return [{**container, "image": ""} for container in spec.get(field) or ()]


def _run(old: Object, new: Object) -> Iterator[Cause]:
    before, after = old.get("spec") or {}, new.get("spec") or {}
    for field in sorted((before.keys() | after.keys()) - _RUN_FIELDS):
        if before.get(field) != after.get(field):
            yield Cause(
                f"spec.{field}",
                f"Invalid value: {_shown(after.get(field))}: field is immutable; "
                "of a FlowRun only desiredState, priority and ttlSecondsAfterFinished may change: create another run",
            )


def _shown(value: Any) -> str:
    text = json.dumps(value, separators=(",", ":"))
    return text if len(text) <= 200 else f"{text[:200]}..."


_RULES: dict[Key, Callable[[Object, Object], Iterator[Cause]]] = {
    JOBS: _job,
    CONFIGMAPS: _data,
    SECRETS: _secret,
    REVISIONS: _revision,
    PODS: _pod,
    FLOWRUNS: _run,
}
