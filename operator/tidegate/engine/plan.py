"""`decide`: the one function that says what should happen to a run. Pure; the order of its policies is the story."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from tidegate.engine import outputs as limits
from tidegate.engine import status as statuses
from tidegate.engine.actions import Action, Happening
from tidegate.engine.conclusion import Outcome, conclude
from tidegate.engine.draft import Draft, Ended
from tidegate.engine.facts import Facts
from tidegate.engine.graph import Graph
from tidegate.engine.ledger import Ledger
from tidegate.engine.observation import observe
from tidegate.engine.progress import advance
from tidegate.engine.retention import Retention, retain
from tidegate.engine.run import Run
from tidegate.engine.state import State
from tidegate.engine.stopping import STOPPED, stop

_SEEN = bytes.maketrans(b"OH", b"IP")
"""Letters that differ only by what was seen: their change alone decides nothing."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What should be: write `status` first (when `deciding`), then carry out `actions`.

    `spill` are the outputs, by task, that no longer fit into status: the caller stores them under a name, and adds the
    name to the state before it writes. `wake_at` is the next instant at which time alone changes the answer.
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
    retention = Retention(graph.spec.job_retention.succeeded_seconds, graph.spec.job_retention.failed_seconds)
    kept, wake = retain(facts, state.ledger, retention, now)
    if state.completed is not None:
        return Plan(state, {}, False, tuple(kept), (), (), (), None, wake)
    draft = Draft(graph, run, facts, now, state.ledger.copy(), dict(state.records), dict(state.outputs))
    draft.wake_at = wake
    observe(draft)
    stop(draft)
    if facts.desired not in STOPPED:
        advance(draft)
    outcome = conclude(draft)
    return _plan(draft, state, outcome, kept, first=first)


def _plan(draft: Draft, old: State, outcome: Outcome | None, kept: list[Action], *, first: bool) -> Plan:
    started = old.started if old.started is not None else draft.now
    new = State(
        ledger=draft.ledger,
        records=draft.records,
        outputs=draft.outputs,
        inline=old.inline | (draft.outputs.keys() - old.outputs.keys()),
        refs=old.refs,
        started=started,
        completed=draft.now if outcome else None,
        run_outputs=outcome.outputs if outcome and outcome.outputs else None,
    )
    if outcome:
        kind = "RunSucceeded" if outcome.succeeded else "RunEnded"
        draft.happenings.append(Happening(not outcome.succeeded, kind, f"{outcome.reason}: {outcome.message}"))
    status = statuses.render(draft, new, outcome, old)
    new = replace(new, conditions=tuple(status["conditions"]))
    return Plan(
        new,
        status,
        first or outcome is not None or _has_decided(old.ledger, draft.ledger),
        tuple(draft.actions + kept),
        tuple(draft.happenings),
        tuple(draft.ended),
        tuple(draft.disruptions),
        outcome,
        draft.wake_at,
    )


def _has_decided(old: Ledger, new: Ledger) -> bool:
    return (
        old.slots.translate(_SEEN) != new.slots.translate(_SEEN)
        or old.attempts != new.attempts
        or _budgets(old) != _budgets(new)
    )


def _budgets(ledger: Ledger) -> dict[int, tuple[int, int, int]]:
    rows = {slot: (e.failures, e.disruptions, e.due) for slot, e in ledger.extra.items()}
    return {slot: row for slot, row in rows.items() if any(row)}


def overflow(plan: Plan, graph: Graph) -> dict[str, Any]:
    """Give the outputs, by task, that must leave status before it is written; empty when all fit."""
    inline = {graph.nodes[slot].name: plan.state.outputs[slot] for slot in sorted(plan.state.inline)}
    return inline if limits.size_of(inline) > limits.MAX_INLINE else {}


def spilled(plan: Plan, name: str) -> Plan:
    """Give the plan after its inline outputs were stored in the ConfigMap of that name."""
    state = replace(plan.state, inline=frozenset(), refs=(*plan.state.refs, name))
    status = {key: value for key, value in plan.status.items() if key != "outputs"}
    return replace(plan, state=state, status={**status, "outputRefs": list(state.refs)})
