"""`decide`: the one function that says what should happen to a run. Pure; the order of its policies is the story."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from tidegate.engine import approval, ceilings, spilling
from tidegate.engine import status as statuses
from tidegate.engine.actions import Action, Happening
from tidegate.engine.conclusion import Outcome, conclude
from tidegate.engine.deadlines import stop_late_run
from tidegate.engine.draft import Draft, Ended
from tidegate.engine.facts import Facts
from tidegate.engine.failfast import skip_the_rest
from tidegate.engine.graph import Graph
from tidegate.engine.observation import observe
from tidegate.engine.progress import advance
from tidegate.engine.results import recall
from tidegate.engine.retention import Kept, Retention, retain
from tidegate.engine.run import Run
from tidegate.engine.runretry import begin_again
from tidegate.engine.state import Memory, State
from tidegate.engine.stopping import stop
from tidegate.engine.stored import Stored
from tidegate.engine.tally import Tally
from tidegate.engine.telling import Telling, tell

_SEEN = bytes.maketrans(b"OH", b"IP")
"""Letters that differ only by what was seen: their change alone decides nothing."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What should be: create `stores`, write `status` (when `deciding`), then carry out `actions`.

    `wake_at` is the next instant at which time alone changes the answer.
    """

    state: State
    status: Mapping[str, Any]
    deciding: bool
    actions: tuple[Action, ...]
    happenings: tuple[Happening, ...]
    ended: tuple[Ended, ...]
    disruptions: tuple[str, ...]
    outcome: Outcome | None
    wake_at: float | None
    stores: tuple[Stored, ...] = ()


def decide(graph: Graph, run: Run, state: State, facts: Facts, now: float, *, first: bool = False) -> Plan:
    """Move a run on as far as what was seen allows.

    Args:
        graph: the compiled revision the run is frozen to.
        run: the frozen inputs.
        state: what the last write left.
        facts: what was seen since.
        now: seconds since the epoch.
        first: nothing of the run has been written yet.
    """
    memory = state.memory
    retention = Retention(graph.spec.job_retention.succeeded_seconds, graph.spec.job_retention.failed_seconds)
    kept = retain(facts, state.ledger, retention, now, memory.retain_at if memory else None)
    if state.completed is not None:
        tally = memory.tally if memory else Tally.rebuilt(graph, state.ledger)
        known = replace(state, memory=Memory(tally, 0, kept.again_at))
        return Plan(known, {}, False, kept.actions, (), (), (), None, kept.again_at)
    draft = _draft(graph, run, state, facts, now)
    is_reopened = begin_again(draft)
    everything = is_reopened or facts.changed is None or memory is None
    stop_late_run(draft, state.admitted or state.started or now)
    recall(draft)
    observe(draft)
    stop(draft)
    skip_the_rest(draft)
    advance(draft, everything=everything)
    skip_the_rest(draft)
    outcome = conclude(draft)
    approval.answer(draft)
    later = retain(facts, draft.ledger, retention, now, kept.again_at, draft.moved)
    kept = Kept(kept.actions, later.again_at)  # what ends in this step goes when that is durable
    return _plan(draft, state, outcome, kept, first=first)


def _draft(graph: Graph, run: Run, state: State, facts: Facts, now: float) -> Draft:
    memory = state.memory
    return Draft(
        graph=graph,
        run=run,
        facts=facts if memory else replace(facts, changed=None),
        now=now,
        ledger=state.ledger.copy(),
        records=dict(state.records),
        outputs=dict(state.outputs),
        tally=memory.tally.copy() if memory else Tally.rebuilt(graph, state.ledger),
        spare=memory.spare if memory else ceilings.spare(graph, run.params),
        refs=state.refs,
        stop=state.stop,
        run_attempt=state.run_attempt,
        retry_at=state.retry_at,
        starts=dict(memory.starts) if memory else {},
        lists=dict(memory.lists) if memory else {},
        ended_items=dict(memory.ended_items) if memory else {},
        parts=dict(memory.parts) if memory else {},
    )


def _plan(draft: Draft, old: State, outcome: Outcome | None, kept: Kept, *, first: bool) -> Plan:
    started = old.started if old.started is not None else draft.now
    if draft.starts:
        draft.wake(min(draft.starts.values()))
    if kept.again_at is not None:
        draft.wake(kept.again_at)
    if outcome:
        kind = "RunSucceeded" if outcome.succeeded else "RunEnded"
        draft.happenings.append(Happening(not outcome.succeeded, kind, f"{outcome.reason}: {outcome.message}"))
    told = tell(draft, old.memory.rows if old.memory else {})
    kept_outputs = _settled(draft, old)
    new = State(
        ledger=draft.ledger,
        records=draft.records,
        outputs=draft.outputs,
        inline=kept_outputs.inline,
        refs=kept_outputs.refs,
        admitted=old.admitted,
        key=old.key,
        stop=draft.stop,
        run_attempt=draft.run_attempt,
        retry_at=draft.retry_at,
        started=started,
        completed=draft.now if outcome else None,
        run_outputs=outcome.outputs if outcome and outcome.outputs else None,
        memory=_memory(draft, kept, told),
    )
    status = statuses.render(draft, new, outcome, old, told)
    new = replace(new, conditions=tuple(status["conditions"]))
    return Plan(
        new,
        status,
        first or outcome is not None or _has_decided(old, new),
        (*draft.actions, *kept.actions),
        tuple(draft.happenings),
        tuple(draft.ended),
        tuple(draft.disruptions),
        outcome,
        draft.wake_at,
        (*draft.stores, *kept_outputs.stores),
    )


def _settled(draft: Draft, old: State) -> spilling.Kept:
    """Say where outputs are kept; asked anew only when there are new ones."""
    inline = (old.inline - draft.lost_outputs) | draft.fresh_outputs
    kept = spilling.Kept(inline, draft.refs)
    return spilling.settle(draft.run, draft.outputs, kept, draft.label) if draft.fresh_outputs else kept


def _memory(draft: Draft, kept: Kept, told: Telling) -> Memory:
    return Memory(
        draft.tally,
        draft.spare,
        kept.again_at,
        draft.starts,
        told.made,
        draft.lists,
        draft.ended_items,
        draft.parts,
    )


def _has_decided(old: State, new: State) -> bool:
    """Whether something changed that must be durable before anything is done; what was merely seen need not be."""
    before, after = old.ledger, new.ledger
    return (
        before.slots.translate(_SEEN) != after.slots.translate(_SEEN)
        or before.attempts != after.attempts
        or before.extra != after.extra
        or before.blocks != after.blocks
        or before.unseen != after.unseen
        or before.decided != after.decided
        or (old.stop, old.run_attempt, old.retry_at) != (new.stop, new.run_attempt, new.retry_at)
    )
