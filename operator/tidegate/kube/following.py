"""Following other Flows: the runs that have ended since a trigger was last looked at are dealt with, one by one.

As with schedules a run is created first, under a name that claims the ended runs, and recorded then; only then may it
begin. What cannot be done now is done again, and finds what was made before.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from tidegate.api import keys
from tidegate.api.triggers import MAX_HANDLED, MAX_STARTED, AfterFlows, Trigger
from tidegate.engine import afterflows, upstream
from tidegate.engine.afterflows import MAX_CHAIN, SLACK
from tidegate.engine.marks import Mark, When
from tidegate.engine.occasion import Occasion
from tidegate.engine.triggers import Compiled, compile_trigger
from tidegate.engine.upstream import Ended
from tidegate.errors import ApiError, NotFound, Unavailable
from tidegate.kube.client import Client, Object
from tidegate.kube.firing import SOON, Cause, Fired, Firing, Result
from tidegate.kube.resources import FLOWRUNS
from tidegate.kube.store import Store, has_ended, version_of

_GENERATIONS = 16


class Following:
    """Works for the scheduler. Everything here may be done twice."""

    def __init__(self, client: Client, store: Store, firing: Firing) -> None:
        self._client, self._store, self._firing = client, store, firing

    async def follow(
        self, flow: Object, trigger: Trigger, old: Mark | None, since: float, rivals: list[Object]
    ) -> Fired:
        """Start what follows from the runs that have ended; give the trigger's next mark.

        Args:
            flow: whose trigger it is.
            trigger: the trigger, whose `suspend` is that of the Flow too.
            old: its mark; None for one that was never seen.
            since: since when it counts then, in seconds since the epoch.
            rivals: runs that other triggers of the Flow have started just before.
        """
        after = trigger.flow
        assert after is not None  # noqa: S101  the scheduler asks for no other
        known = self._known(flow, after)
        fresh = afterflows.begun(trigger, afterflows.text_of(after), old, known, When(self._firing.now(), since))
        if fresh is not None:  # nothing is started on a mark that is not in status yet
            return Fired(fresh, trigger.kind, again=None if trigger.suspend else 0.0)
        assert old is not None  # noqa: S101  it would begin
        fired = Fired(old, trigger.kind, rivals=rivals)
        if not trigger.suspend:
            await self._catch_up(flow, trigger, after, fired)
        return fired

    async def _catch_up(self, flow: Object, trigger: Trigger, after: AfterFlows, fired: Fired) -> None:
        """Deal with what has ended; where the API server refuses, what was done until then counts."""
        try:
            await self._deal(flow, compile_trigger(trigger), after, fired)
        except Unavailable as error:
            fired.trouble = error
        except ApiError as error:
            fired.trouble = error
            fired.mark = replace(fired.mark, message=f"no run can be started: {error.message}")

    async def _deal(self, flow: Object, compiled: Compiled, after: AfterFlows, fired: Fired) -> None:
        due = afterflows.unhandled(fired.mark, self._known(flow, after))
        if due and afterflows.is_long(fired.mark, self._firing.now()):
            fired.mark = await self._forget(flow, after, fired.mark)
            due = afterflows.unhandled(fired.mark, self._known(flow, after))
        if due:
            fired.mark = replace(fired.mark, started=await self._firing.not_begun(flow, fired.mark))
        for run in due:
            if (wait := self._wait(fired.mark)) is not None:
                fired.again = wait
                break
            await self._take(flow, compiled, after, run, fired)
        self._let_expire(after, fired)

    def _wait(self, mark: Mark) -> float | None:
        """Give how long the next must wait because too much is remembered already; None when it need not."""
        if len(mark.handled_runs) >= MAX_HANDLED:
            oldest = min(second for second, _ in mark.handled_runs)
            return max(SOON, oldest + SLACK + 1 - self._firing.now())
        return SOON if len(mark.started) >= MAX_STARTED else None

    async def _take(self, flow: Object, compiled: Compiled, after: AfterFlows, run: Ended, fired: Fired) -> None:
        """Deal with one ended run."""
        if not after.all:
            await self._start(flow, compiled, (run,), [self._store.run_of_uid(run.uid)], fired)
            fired.mark = afterflows.handle(fired.mark, run)
            return
        joined = afterflows.join(after, fired.mark.waiting, run)
        waiting = joined.waiting
        if joined.complete:
            runs = [await self._read(flow, one) for one in joined.complete]
            waiting = await self._start(flow, compiled, joined.complete, runs, fired)
        if joined.dropped:
            fired.counts[Result.UNMATCHED.value] += len(joined.dropped)
        fired.mark = replace(afterflows.handle(fired.mark, run), waiting=waiting)

    async def _start(
        self, flow: Object, compiled: Compiled, ended: Sequence[Ended], runs: Sequence[Object | None], fired: Fired
    ) -> tuple[Ended, ...]:
        """Start the run that follows from ended ones; of a set of which one is gone, give those that wait on."""
        after, there = compiled.trigger.flow, [run for run in runs if run is not None]
        assert after is not None  # noqa: S101  likewise
        what = f"the end of {', '.join(one.name for one in ended)}"
        chain = 1 + max((chain_of(self._store, run) for run in there), default=0)
        if len(there) < len(ended):
            lost = [one.name for one, run in zip(ended, runs, strict=True) if run is None]
            self._firing.note(fired, Result.UNMATCHED, f"no run for {what}: {', '.join(lost)} was deleted", len(lost))
            return tuple(one for one, run in zip(ended, runs, strict=True) if run is not None)
        if chain > MAX_CHAIN:
            why = f"{MAX_CHAIN} runs before it have started each other by their end, which looks like a loop of Flows"
            self._firing.note(fired, Result.FAILED, f"no run for {what}: {why}")
            return ()
        event_id = upstream.id_of(after, ended)
        occasion = Occasion(compiled.trigger.name, fired.kind, float(max(ended).second), id=event_id, chain=chain)
        cause = Cause(what, upstream.event_of(after, there), [one.name for one in ended])
        await self._firing.start(flow, compiled, occasion, fired, cause)
        return ()

    def _let_expire(self, after: AfterFlows, fired: Fired) -> None:
        """Drop who has waited too long, and say who waits."""
        now, waiting = self._firing.now(), fired.mark.waiting
        if not waiting:
            return
        left = tuple(one for one in waiting if now <= afterflows.expires(after, one))
        if len(left) < len(waiting):
            late = ", ".join(one.name for one in waiting if one not in left)
            message = f"no run for the end of {late}: the other Flows had none within {after.window} s"
            self._firing.note(fired, Result.UNMATCHED, message, len(waiting) - len(left))
        if left:
            fired.mark = replace(fired.mark, message=afterflows.waits_for(after, left))
            wait = min(afterflows.expires(after, one) for one in left) + 1 - now
            fired.again = wait if fired.again is None else min(wait, fired.again)
        fired.mark = replace(fired.mark, waiting=left)

    # What is known

    def _known(self, flow: Object, after: AfterFlows) -> list[Ended]:
        namespace = flow["metadata"]["namespace"]
        runs = (run for name in after.flows for run in self._store.runs_of((namespace, name)))
        return [found for run in runs if (found := upstream.ended(run, after.results)) is not None]

    async def _read(self, flow: Object, one: Ended) -> Object | None:
        """Give a run that has ended; None when somebody deleted it."""
        known = self._store.run_of_uid(one.uid)
        if known is not None and has_ended(known):  # who named it as waiting may have heard of more than we
            return known
        try:
            run = await self._client.get(FLOWRUNS, flow["metadata"]["namespace"], one.name)
        except NotFound:
            return None
        return run if run["metadata"]["uid"] == one.uid else None

    async def _forget(self, flow: Object, after: AfterFlows, mark: Mark) -> Mark:
        """Move the mark on, if all that ended before has been heard of, and is dealt with."""
        until = int(self._firing.now()) - SLACK
        if not await self._has_heard_all(flow, after.flows):
            return mark
        pending = afterflows.unhandled(mark, self._known(flow, after))
        return afterflows.forget(mark, min(until, *(one.second for one in pending)) if pending else until)

    async def _has_heard_all(self, flow: Object, flows: Iterable[str]) -> bool:
        """Whether nothing newer is there than what is known of the runs of some Flows."""
        for name in flows:
            selector = f"spec.flowRef.name={name}"
            page = await self._client.list(FLOWRUNS, flow["metadata"]["namespace"], fields=selector, metadata_only=True)
            for run in page.items:
                known = self._store.run_of_uid(run["metadata"]["uid"])
                if known is None or version_of(known) < version_of(run):
                    return False
        return True


def chain_of(store: Store, run: Object) -> int:
    """Give how many runs before a run started each other by their end; a child run's chain is that of its parent."""
    longest, one = 0, run
    for _ in range(_GENERATIONS):
        frozen = (one.get("status") or {}).get("frozen") or {}
        trigger = frozen.get("trigger") or one["spec"].get("trigger") or {}
        longest = max(longest, trigger.get("chain") or 0)
        parent = store.run_of_uid((one["metadata"].get("labels") or {}).get(keys.LABEL_PARENT_UID, ""))
        if parent is None:
            break
        one = parent
    return longest
