"""Starting the runs of a Backfill: each is created under the name that claims the instant, or found there.

Everything here may be done twice: the second time finds what the first has made.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tidegate.api.backfill import BackfillSpec
from tidegate.api.conditions import timestamp
from tidegate.api.flow import ConcurrencyPolicy
from tidegate.api.triggers import Trigger
from tidegate.engine.actions import Happening
from tidegate.engine.backfill import instants_of
from tidegate.engine.backfilling import Progress
from tidegate.engine.occasion import Occasion
from tidegate.engine.schedules import Schedule, schedule_of
from tidegate.engine.triggers import Compiled, Start, compile_trigger, occasion_of, start_of
from tidegate.errors import AlreadyExists, ApiError, ExpressionError, NotFound, Rejected
from tidegate.kube.backfillends import BackfillEnds, key_at
from tidegate.kube.backfillstep import Step
from tidegate.kube.client import Client, Object
from tidegate.kube.firing import Result
from tidegate.kube.graphs import Graphs
from tidegate.kube.resources import FLOWRUNS
from tidegate.kube.rivals import Newcomer, Rivals, concurrency_of
from tidegate.kube.store import Store
from tidegate.resources.triggered import backfilled_run, is_asked_by

_MOST_LOOKED = 500
"""Instants that are dealt with at once: a `when` that is false for thousands must not keep others waiting."""
_HELD = 30.0
"""Seconds until it is looked again while the Flow's limit holds it: a net under what is told of."""
_MOST_REMEMBERED = 100
"""Backfills whose instants are remembered; of others they are worked out again."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a Backfill asks for, compiled: its spec, the instants, and what their runs take."""

    spec: BackfillSpec
    schedule: Schedule
    instants: Sequence[int]
    compiled: Compiled


class BackfillRuns:
    """Works for the controller of Backfills. Remembers the instants of those that it has seen, and nothing else.

    `now` gives the time that schedules go by, in seconds since the epoch; `ends` sees to how runs end.
    """

    def __init__(self, client: Client, store: Store, graphs: Graphs, now: Callable[[], float]) -> None:
        self._client, self._rivals, self.now = client, Rivals(client, graphs), now
        self.ends = BackfillEnds(client, store)
        self._instants: dict[str, Sequence[int]] = {}

    def forget(self, uid: str) -> None:
        """Drop what is remembered of a Backfill that has ended or is gone."""
        self._instants.pop(uid, None)

    def asked(self, obj: Object, progress: Progress) -> Asked:
        """Give what a Backfill asks for; its own params take the place of the trigger's."""
        spec, uid = BackfillSpec.model_validate(obj["spec"], extra="ignore"), obj["metadata"]["uid"]
        trigger = Trigger.model_validate(progress.frozen.trigger, extra="ignore")
        left = {name: value for name, value in trigger.params.items() if name not in spec.params}
        schedule = schedule_of(trigger)
        if uid not in self._instants:
            if len(self._instants) >= _MOST_REMEMBERED:  # some may be of what was deleted
                self._instants.clear()
            self._instants[uid] = instants_of(schedule, spec)
        compiled = compile_trigger(trigger.model_copy(update={"params": left}))
        return Asked(spec, schedule, self._instants[uid], compiled)

    async def start(self, obj: Object, flow: Object, asked: Asked, step: Step) -> None:
        """Start runs of the next instants while there is room; what the API server refuses for now ends it."""
        for count, second in enumerate(step.progress.pending(asked.instants, asked.spec.order)):
            if len(step.progress.live) >= asked.spec.parallelism:
                return
            if count == _MOST_LOOKED:
                step.again = 0.0
                return
            try:
                await self._deal_with(obj, flow, asked, second, step)
            except ApiError as error:
                step.trouble = error
                step.waits = "NoRunStarted", f"no run can be started: {error.message}"
            if step.waits is not None:
                return

    async def _deal_with(self, obj: Object, flow: Object, asked: Asked, second: int, step: Step) -> None:
        occasion = occasion_of(asked.compiled.trigger, asked.schedule, second)
        namespace, name = key_at(obj, second)
        about = {"name": name, "namespace": namespace, "flow": flow["metadata"]["name"]}
        try:
            start = start_of(asked.compiled, occasion, about)
            if start is None:
                step.progress = step.progress.with_skipped(second)
                step.counts[Result.FILTERED.value] += 1
                return
            start = replace(start, params={**start.params, **asked.spec.params})
            held = await self._held(obj, flow, Newcomer(name, occasion, start.params), step)
        except ExpressionError as error:
            _note_hopeless(step, second, str(error))
            return
        if held:
            step.waits, step.again = ("Held", f"{held}; its run of {timestamp(second)} is next"), _HELD
            return
        await self._create(obj, flow, occasion, start, step)

    async def _held(self, obj: Object, flow: Object, newcomer: Newcomer, step: Step) -> str:
        """Say which live runs another would be turned away for, or would stop: it waits instead."""
        policy = concurrency_of(flow)
        if policy.policy not in (ConcurrencyPolicy.FORBID, ConcurrencyPolicy.REPLACE):
            return ""
        own = [await self.ends.run(obj, second, uid) for second, uid in step.progress.live]
        others = [run for run in own if run is not None]
        live = await self._rivals.live(flow, newcomer, others, pods=True)
        if len(live) < policy.limit:
            return ""
        shown = f"{', '.join(live[:3])} {'is' if len(live) == 1 else 'are'} live"
        return f"{shown}, and concurrency.policy is {policy.policy.value}"

    async def _create(self, obj: Object, flow: Object, occasion: Occasion, start: Start, step: Step) -> None:
        body, second = backfilled_run(flow, obj, occasion, start), int(occasion.time or 0)
        try:
            run = await self._created(body)
        except Rejected as error:
            _note_hopeless(step, second, error.message)
            return
        if not is_asked_by(run, obj["metadata"]["uid"], body["spec"]["trigger"]["time"]):
            _note_hopeless(step, second, f"FlowRun {run['metadata']['name']} exists and is not this Backfill's")
            return
        step.progress = step.progress.with_started(second, run["metadata"]["uid"])
        step.counts[Result.STARTED.value] += 1
        step.runs.append(run)

    async def _created(self, body: dict[str, Any]) -> Object:
        namespace, name = body["metadata"]["namespace"], body["metadata"]["name"]
        try:
            return await self._client.create(FLOWRUNS, namespace, body)
        except AlreadyExists:
            try:
                return await self._client.get(FLOWRUNS, namespace, name)
            except NotFound:
                return await self._client.create(FLOWRUNS, namespace, body)


def _note_hopeless(step: Step, second: int, why: str) -> None:
    message = f"no run for {timestamp(second)}: {why}"
    step.progress = step.progress.with_hopeless(second, message)
    step.counts[Result.FAILED.value] += 1
    if step.counts[Result.FAILED.value] == 1:  # thousands may fail alike
        step.happenings.append(Happening(True, "TriggerFailed", message))
