"""The beginning of a Backfill: what it is about is frozen before any of its runs is started.

Whether an instant has a run already is asked once, here: when its trigger is done with all instants of the range and
no other Backfill is at work on any of them, so that nobody can start one of them any more.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from tidegate.api.backfill import Backfill, BackfillSpec, Reprocess
from tidegate.api.conditions import find, instant_of, timestamp
from tidegate.api.flow import FlowSpec
from tidegate.api.paths import path_of
from tidegate.api.problems import problems_of
from tidegate.api.triggers import Trigger
from tidegate.engine import backfill as rules
from tidegate.engine.backfilling import Frozen, Progress
from tidegate.engine.conclusion import Outcome
from tidegate.engine.findings import Finding
from tidegate.engine.schedules import schedule_of
from tidegate.engine.sizes import size_of
from tidegate.errors import NotFound
from tidegate.kube.backfills import is_over
from tidegate.kube.client import Client, Object
from tidegate.kube.flows import is_judged
from tidegate.kube.pastruns import runs_before
from tidegate.kube.resources import BACKFILLS, FLOWS
from tidegate.kube.store import Store

INVALID = "InvalidSpec"
_MOST_TRIGGER = 65_536
"""Bytes of a trigger, which is kept in the Backfill's status."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """What has to come before a Backfill can begin."""

    reason: str
    message: str


class Beginning:
    """Begins Backfills. `now` gives the time that schedules go by, in seconds since the epoch."""

    def __init__(self, client: Client, store: Store, now: Callable[[], float]) -> None:
        self._client, self._store, self._now = client, store, now

    async def begin(self, obj: Object) -> Progress | Waiting | Outcome:
        """Give what is frozen, what it waits for, or how it ends because it cannot be meant."""
        try:
            spec = Backfill.model_validate({"metadata": {}, "spec": obj["spec"]}, extra="ignore").spec
        except ValidationError as error:
            return Outcome(False, INVALID, "; ".join(map(str, problems_of(error, Backfill))), {})
        if rules.span_of(spec)[1] >= self._now():
            return Outcome(False, INVALID, _future(spec, self._now()), {})
        namespace = obj["metadata"]["namespace"]
        try:
            flow = await self._client.get(FLOWS, namespace, spec.flow_ref.name)
        except NotFound:
            return Waiting("FlowNotFound", f'there is no Flow "{spec.flow_ref.name}" in namespace {namespace}')
        if not is_judged(flow):
            return Waiting("FlowNotReady", _not_ready(flow))
        return await self._of_flow(obj, spec, flow)

    async def _of_flow(self, obj: Object, spec: BackfillSpec, flow: Object) -> Progress | Waiting | Outcome:
        flow_spec = FlowSpec.model_validate(flow["spec"], extra="ignore")
        trigger = rules.trigger_of(spec, flow_spec)
        if trigger is None:
            return Waiting("TriggerNotFound", rules.unknown_trigger(spec, flow_spec).message)
        row = next(row for row in flow["spec"]["triggers"] if row["name"] == trigger.name)
        if found := [*rules.check(spec, flow_spec, trigger), *_check_size(row)]:
            message = "; ".join(f"{path_of(finding.keys)}: {finding.message}" for finding in found)
            return Outcome(False, INVALID, message, {})
        if spec.reprocess is not Reprocess.ALL:
            waiting = _pending(spec, flow, trigger) or await self._behind(obj, spec)
            if waiting is not None:
                return waiting
        return await self._frozen(obj, spec, flow, trigger)

    async def _frozen(self, obj: Object, spec: BackfillSpec, flow: Object, trigger: Trigger) -> Progress:
        schedule = schedule_of(trigger)
        instants = rules.instants_of(schedule, spec)
        before = await runs_before(self._client, self._store, obj["metadata"]["namespace"], spec)
        passed = rules.passed_over(instants, before, spec.reprocess)
        row = next(row for row in flow["spec"]["triggers"] if row["name"] == trigger.name)
        kept = {key: value for key, value in row.items() if key != "suspend"}
        frozen = Frozen(flow["metadata"]["uid"], kept, schedule.text, rules.mask_of(list(passed)))
        return Progress(frozen, self._now(), len(instants), skipped=len(passed))

    async def _behind(self, obj: Object, spec: BackfillSpec) -> Waiting | None:
        """Wait for Backfills that have begun, or are older, and are about some of the same instants."""
        fields = f"spec.flowRef.name={spec.flow_ref.name}"
        first, last = rules.span_of(spec)
        for other in (await self._client.list(BACKFILLS, obj["metadata"]["namespace"], fields=fields)).items:
            comes_first = "frozen" in (other.get("status") or {}) or _age(other) < _age(obj)
            if is_over(other) or other["spec"]["trigger"] != spec.trigger or not comes_first:
                continue
            begin, end = rules.span_of(BackfillSpec.model_validate(other["spec"], extra="ignore"))
            if begin <= last and first <= end:
                name = other["metadata"]["name"]
                return Waiting("Behind", f"Backfill {name} has not ended, and is about some of the same instants")
        return None


def _age(obj: Object) -> tuple[str, str]:
    return obj["metadata"]["creationTimestamp"], obj["metadata"]["uid"]


def _pending(spec: BackfillSpec, flow: Object, trigger: Trigger) -> Waiting | None:
    """Wait until the trigger itself is done with all instants: it may start a run of one, or pass it over."""
    if trigger.suspend or flow["spec"].get("suspend"):
        return None
    rows = (flow.get("status") or {}).get("triggers") or ()
    row: Object = next((row for row in rows if row["name"] == trigger.name), {})
    instants = rules.instants_of(schedule_of(trigger), spec)
    handled = instant_of(row.get("handledTime")) if row.get("schedule") == schedule_of(trigger).text else None
    if not instants or (handled is not None and handled >= instants[-1]):
        return None
    done = "" if handled is None else f": it is done with what is up to {timestamp(handled)}"
    return Waiting("TriggerPending", f"trigger {trigger.name} may still start runs of some of the instants{done}")


def _future(spec: BackfillSpec, now: float) -> str:
    return (
        f"spec.to: {spec.until} has not come, it is {timestamp(now)}: a Backfill is of instants that have passed, those"
        f" to come are the trigger's own"
    )


def _not_ready(flow: Object) -> str:
    condition = find((flow.get("status") or {}).get("conditions"), "Ready") or {}
    name = flow["metadata"]["name"]
    if condition.get("status") == "False":
        return f"Flow {name} is not valid: {condition.get('message', '')}"
    return f"Flow {name} has not been looked at since it changed"


def _check_size(row: Mapping[str, Any]) -> list[Finding]:
    size = size_of(row)
    if size <= _MOST_TRIGGER:
        return []
    message = f"the trigger takes {size:,} bytes as JSON; that of a Backfill takes at most {_MOST_TRIGGER:,}"
    return [Finding(("spec", "trigger"), message)]
