"""What of an object may not change once it exists, kind by kind, told as an API server tells it."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Any

from tidegate.api.backfill import BACKFILL_STRICTNESS
from tidegate.api.crd import BACKFILL_MUTABLE, BACKFILL_NEVER_BACK, MUTABLE, NEVER_BACK
from tidegate.api.flowrun import STRICTNESS
from tidegate.sandbox.job_rules import INDEXED
from tidegate.sandbox.kinds import BACKFILLS, CONFIGMAPS, FLOWAPPROVALS, FLOWRUNS, JOBS, PODS, REVISIONS, SECRETS, Kind
from tidegate.sandbox.tree import Object, without

_FIXED_IN_JOBS = (
    "completionMode",
    "backoffLimitPerIndex",
    "managedBy",
    "podFailurePolicy",
    "podReplacementPolicy",
    "selector",
    "successPolicy",
)
_PLACEMENT = ("nodeSelector", "affinity", "tolerations", "schedulingGates")
"""Fields of a template that may change while its Job is suspended: this is how queues choose nodes."""


_IMMUTABLE = "Invalid value: field is immutable"
_ELASTIC = "Forbidden: in the sandbox an Indexed Job keeps its number of indexes: create another Job"


def change_faults(kind: Kind, old: Object, new: Object) -> list[str]:
    """Give what a change of an object may not change."""
    check = {
        JOBS.key: _job_changes,
        PODS.key: _pod_changes,
        CONFIGMAPS.key: _immutable_data_changes,
        SECRETS.key: _secret_changes,
        FLOWRUNS.key: _run_changes,
        FLOWAPPROVALS.key: _approval_changes,
        BACKFILLS.key: _backfill_changes,
        REVISIONS.key: _revision_changes,
    }.get(kind.key)
    return _finalizer_changes(old["metadata"], new["metadata"]) + (check(old, new) if check else [])


def _finalizer_changes(old: Object, new: Object) -> list[str]:
    added = set(new.get("finalizers") or ()) - set(old.get("finalizers") or ())
    if "deletionTimestamp" in old and added:
        return ["metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted"]
    return []


def _job_changes(old: Object, new: Object) -> list[str]:
    before, after = old["spec"], new["spec"]
    found = [f"spec.{field}: {_IMMUTABLE}" for field in _FIXED_IN_JOBS if before.get(field) != after.get(field)]
    if before.get("completions") != after.get("completions"):
        found.append(f"spec.completions: {_ELASTIC if after['completionMode'] == INDEXED else _IMMUTABLE}")
    may_place = before.get("suspend") and not old.get("status", {}).get("startTime")
    shape = _placeless if may_place else _whole
    if shape(before["template"]) != shape(after["template"]):
        found.append(f"spec.template: {_IMMUTABLE}")
    return found


def _whole(template: Object) -> Any:
    return template


def _placeless(template: Object) -> Any:
    metadata = without(template.get("metadata", {}), "labels", "annotations")
    return {**template, "metadata": metadata, "spec": without(template.get("spec", {}), *_PLACEMENT)}


def _pod_changes(old: Object, new: Object) -> list[str]:
    if _fixed_part(old["spec"]) == _fixed_part(new["spec"]):
        return []
    allowed = (
        "`spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` "
        "(only additions to existing tolerations)"
    )
    return [f"spec: Forbidden: pod updates may not change fields other than {allowed}"]


def _fixed_part(spec: Object) -> Object:
    fixed = without(spec, "activeDeadlineSeconds", "tolerations")
    for field in ("containers", "initContainers"):
        if field in spec:
            fixed[field] = [without(container, "image") for container in spec[field]]
    return fixed


def _immutable_data_changes(old: Object, new: Object) -> list[str]:
    if not old.get("immutable"):
        return []
    why = "Forbidden: field is immutable when `immutable` is set"
    fields = ("immutable", "data", "binaryData")
    return [f"{field}: {why}" for field in fields if (old.get(field) or None) != (new.get(field) or None)]


def _secret_changes(old: Object, new: Object) -> list[str]:
    kind = [] if old.get("type", "Opaque") == new.get("type", "Opaque") else [f"type: {_IMMUTABLE}"]
    return kind + _immutable_data_changes(old, new)


def _revision_changes(old: Object, new: Object) -> list[str]:
    return [] if old.get("data") == new.get("data") else [f"data: {_IMMUTABLE}"]


def _run_changes(old: Object, new: Object) -> list[str]:
    """Give what the rules in the CRD of FlowRun would say."""
    ranks = {state.value: rank for state, rank in STRICTNESS.items()}
    return _spec_changes((old, new), "FlowRun", MUTABLE, ranks, NEVER_BACK)


def _backfill_changes(old: Object, new: Object) -> list[str]:
    """Give what the rules in the CRD of Backfill would say."""
    ranks = {state.value: rank for state, rank in BACKFILL_STRICTNESS.items()}
    return _spec_changes((old, new), "Backfill", BACKFILL_MUTABLE, ranks, BACKFILL_NEVER_BACK)


def _spec_changes(
    both: tuple[Object, Object], kind: str, mutable: AbstractSet[str], ranks: Mapping[str, int], never_back: str
) -> list[str]:
    before, after = (obj.get("spec", {}) for obj in both)
    found = [
        f'spec: Invalid value: "object": {name} cannot change after creation: create another {kind}'
        for name in sorted({*before, *after} - mutable)
        if before.get(name) != after.get(name)
    ]
    was, wanted = (ranks.get(spec.get("desiredState", ""), 0) for spec in (before, after))
    if wanted < was:
        found.append(f'spec: Invalid value: "object": {never_back}')
    return found


def _approval_changes(old: Object, new: Object) -> list[str]:
    same = old.get("spec") == new.get("spec")
    return [] if same else ['spec: Invalid value: "object": a decision cannot change: create another FlowApproval']
