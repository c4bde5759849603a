"""The CustomResourceDefinitions of all kinds, made from the models: what `crds/` and the chart hold."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Any

from tidegate.api.backfill import BACKFILL_STRICTNESS, MAX_BACKFILL_NAME, Backfill, BackfillSpec, BackfillStatus
from tidegate.api.base import Model
from tidegate.api.cacheentry import CacheEntry, CacheEntrySpec
from tidegate.api.flow import MAX_FLOW_NAME, Flow, FlowSpec, FlowStatus
from tidegate.api.flowapproval import COUNTED, FlowApproval, FlowApprovalSpec, FlowApprovalStatus
from tidegate.api.flowrun import STRICTNESS, FlowRun, FlowRunSpec, FlowRunStatus
from tidegate.api.keys import GROUP, VERSION
from tidegate.api.schema import Schema, structural

MAX_RUN_NAME = 63
"""The name of a run is the value of a label on all that belongs to it."""

MUTABLE = frozenset({"desiredState", "priority", "ttlSecondsAfterFinished"})
"""The fields of a FlowRun's spec that may change after its creation."""
NEVER_BACK = "desiredState never goes back from Cancelled or Terminated"

BACKFILL_MUTABLE = frozenset({"desiredState", "parallelism"})
"""The same of a Backfill."""
BACKFILL_NEVER_BACK = "desiredState never goes back from Cancelled"

STATUS_DEFAULT = {"observedGeneration": -1}
"""Without it a fresh object has no status at all, and kstatus (Flux, `kubectl wait`) takes it for finished."""

CRD = dict[str, Any]


def crds() -> list[CRD]:
    """Give the CRDs as dicts in the order of a manifest, Flow first."""
    return [_flow(), _flowrun(), _flowapproval(), _backfill(), _cacheentry()]


def _flow() -> CRD:
    return _crd(
        {"kind": "Flow", "plural": "flows"},
        columns=[
            _column("Ready", ".status.conditions[?(@.type=='Ready')].status", "Whether the definition is valid."),
            _column("Reason", ".status.conditions[?(@.type=='Ready')].reason", "Why it is ready, or not."),
            _column("Tasks", ".status.tasks", "Number of tasks.", kind="integer"),
            _column("Next", ".status.nextTime", "When a trigger is due next."),
            _column("Message", ".status.conditions[?(@.type=='Ready')].message", "What is wrong.", priority=1),
            _AGE,
        ],
        schema=_schema(
            Flow.__doc__,
            structural(FlowSpec),
            structural(FlowStatus),
            rules=[_name_rule("Flow", MAX_FLOW_NAME, "names of its runs and Jobs begin with it")],
        ),
    )


def _flowrun() -> CRD:
    return _crd(
        {"kind": "FlowRun", "plural": "flowruns", "shortNames": ["flr"]},
        columns=[
            _column("Flow", ".spec.flowRef.name", "Flow that is run."),
            _column("Progress", ".status.progress", "Final tasks of all tasks."),
            _column("Succeeded", ".status.conditions[?(@.type=='Succeeded')].status", "Unknown until the end."),
            _column("Reason", ".status.conditions[?(@.type=='Succeeded')].reason", "Where the run stands."),
            _column("Why", ".status.why", "What it waits for, or how it ended."),
            _column("Completed", ".status.completionTime", "When it ended.", kind="date", priority=1),
            _AGE,
        ],
        selectable=(".spec.flowRef.name", ".status.completionTime"),
        schema=_schema(
            FlowRun.__doc__,
            _with_rules(structural(FlowRunSpec), _changes(FlowRunSpec, MUTABLE, "FlowRun", STRICTNESS, NEVER_BACK)),
            structural(FlowRunStatus),
            rules=[_name_rule("FlowRun", MAX_RUN_NAME, "it is the value of a label")],
        ),
    )


def _backfill() -> CRD:
    rules = _changes(BackfillSpec, BACKFILL_MUTABLE, "Backfill", BACKFILL_STRICTNESS, BACKFILL_NEVER_BACK)
    return _crd(
        {"kind": "Backfill", "plural": "backfills", "shortNames": ["bf"]},
        columns=[
            _column("Flow", ".spec.flowRef.name", "Flow that is run."),
            _column("Trigger", ".spec.trigger", "Trigger whose instants are run.", priority=1),
            _column("Progress", ".status.progress", "Instants that are done, of all."),
            _column("State", ".status.conditions[?(@.type=='Succeeded')].reason", "Where it stands."),
            _column("Why", ".status.why", "What it does, what it waits for, or how it ended."),
            _column("Completed", ".status.completionTime", "When it ended.", kind="date", priority=1),
            _AGE,
        ],
        selectable=(".spec.flowRef.name", ".status.completionTime"),
        schema=_schema(
            Backfill.__doc__,
            _with_rules(structural(BackfillSpec), rules),
            structural(BackfillStatus),
            rules=[_name_rule("Backfill", MAX_BACKFILL_NAME, "it is the value of a label of its runs")],
        ),
    )


def _cacheentry() -> CRD:
    return _crd(
        {"kind": "CacheEntry", "plural": "cacheentries"},
        columns=[
            _column("Flow", ".spec.flow", "Flow of the run that did the work."),
            _column("Task", ".spec.task", "Task that did the work."),
            _column("Scope", ".spec.scope", "Who shares the result."),
            _column("Run", ".spec.run", "Run that did the work.", priority=1),
            _column("Key", ".spec.key", "Hash of all that decides about the result.", priority=1),
            _column("Expires", ".spec.expireTime", "When it goes.", priority=1),
            _column("Done", ".spec.time", "How long ago the work was done.", kind="date"),
        ],
        schema=_schema(CacheEntry.__doc__, structural(CacheEntrySpec), None, rules=[]),
    )


def _flowapproval() -> CRD:
    counted = f".status.conditions[?(@.type=='{COUNTED}')]"
    return _crd(
        {"kind": "FlowApproval", "plural": "flowapprovals", "shortNames": ["fla"]},
        columns=[
            _column("Run", ".spec.run", "Run that is decided on."),
            _column("Task", ".spec.task", "Task that waits for the decision."),
            _column("Decision", ".spec.decision", "Approved or Rejected."),
            _column("By", ".spec.by", "Who decided."),
            _column("Counted", f"{counted}.status", "Whether the run took it up."),
            _column("Reason", f"{counted}.reason", "Why, or why not."),
            _column("Comment", ".spec.comment", "What was said.", priority=1),
            _column("Message", f"{counted}.message", "What became of it.", priority=1),
            _AGE,
        ],
        selectable=(".spec.run",),
        schema=_schema(
            FlowApproval.__doc__,
            _with_rules(structural(FlowApprovalSpec), [_IMMUTABLE]),
            structural(FlowApprovalStatus),
            rules=[],
        ),
    )


_IMMUTABLE = {"rule": "self == oldSelf", "message": "a decision cannot change: create another FlowApproval"}


def _crd(names: dict[str, Any], schema: Schema, columns: list[dict[str, Any]], selectable: tuple[str, ...] = ()) -> CRD:
    kind, plural = names["kind"], names["plural"]
    version: dict[str, Any] = {
        "name": VERSION,
        "served": True,
        "storage": True,
        **({"subresources": {"status": {}}} if "status" in schema["properties"] else {}),
        "additionalPrinterColumns": columns,
        "schema": {"openAPIV3Schema": schema},
    }
    if selectable:
        version["selectableFields"] = [{"jsonPath": path} for path in selectable]
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {"listKind": f"{kind}List", "singular": kind.lower(), "categories": ["tidegate"], **names},
            "versions": [version],
        },
    }


def _schema(text: str | None, spec: Schema, status: Schema | None, *, rules: list[dict[str, str]]) -> Schema:
    schema: Schema = {
        "type": "object",
        "description": " ".join((text or "").split()),
        "required": ["spec"],
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": {"type": "object"},
            "spec": spec,
        },
    }
    if status is not None:
        schema["properties"]["status"] = {**status, "default": STATUS_DEFAULT}
    return {**schema, "x-kubernetes-validations": rules} if rules else schema


def _column(name: str, path: str, text: str, *, kind: str = "string", priority: int = 0) -> dict[str, Any]:
    column: dict[str, Any] = {"name": name, "type": kind, "jsonPath": path, "description": text}
    return {**column, "priority": priority} if priority else column


_AGE = {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"}


def _name_rule(kind: str, limit: int, why: str) -> dict[str, str]:
    return {
        "rule": f"size(self.metadata.name) <= {limit}",
        "message": f"the name of a {kind} has at most {limit} characters: {why}",
    }


def _with_rules(schema: Schema, rules: list[dict[str, str]]) -> Schema:
    return {**schema, "x-kubernetes-validations": [*schema.get("x-kubernetes-validations", []), *rules]}


def _changes(
    spec: type[Model], mutable: AbstractSet[str], kind: str, strictness: Mapping[Any, int], never_back: str
) -> list[dict[str, str]]:
    """Give the rules of a change; on the spec as a whole, since a field that comes or goes escapes its own rules."""
    names = [field.alias or name for name, field in spec.model_fields.items()]
    fixed = [_fixed(name, kind) for name in names if name not in mutable]
    return [*fixed, _never_back(strictness, never_back)]


def _fixed(name: str, kind: str) -> dict[str, str]:
    return {
        "rule": f"has(self.{name}) == has(oldSelf.{name}) && (!has(self.{name}) || self.{name} == oldSelf.{name})",
        "message": f"{name} cannot change after creation: create another {kind}",
    }


def _never_back(strictness: Mapping[Any, int], message: str) -> dict[str, str]:
    def rank(spec: str) -> str:
        later = "".join(f"{spec}.desiredState == '{state}' ? {rank} : " for state, rank in strictness.items() if rank)
        return f"(!has({spec}.desiredState) ? 0 : {later}0)"

    return {"rule": f"{rank('self')} >= {rank('oldSelf')}", "message": message}
