"""A run played through on paper: the production `decide`, answered by assumed outcomes instead of a cluster."""

from dataclasses import dataclass, replace

from tidegate.engine import ledger as letters
from tidegate.engine import reuse
from tidegate.engine import state as states
from tidegate.engine.agenda import Agenda
from tidegate.engine.assumed import SECONDS, Assumed
from tidegate.engine.conclusion import Outcome
from tidegate.engine.expressions import compile_expression
from tidegate.engine.graph import Graph
from tidegate.engine.plan import Plan, decide
from tidegate.engine.records import Record
from tidegate.engine.reuse import Wanted
from tidegate.engine.run import Run
from tidegate.engine.stage import Entries, Stage
from tidegate.engine.state import State
from tidegate.engine.telling import STATES
from tidegate.errors import UsageError

SHORTER = (SECONDS, 10.0, 1.0, 0.0)
"""How long is taken by what no duration is given for, in seconds: the first at which the run keeps its deadline."""

_MAX_STEPS = 100_000
_MAX_SECONDS = 1000 * 365 * 86_400
_TRUE = compile_expression("true", {"object": "dyn"})
_AT_ONCE = frozenset(b"SCF")
"""Letters of what ended without having begun: it was computed, or found in the cache."""


@dataclass(frozen=True, slots=True)
class Told:
    """What would become of one task; `began` and `ended` are seconds from the run's beginning, None when it never ran.

    `again` is, in a rerun, why it is not taken over; empty when it is.
    """

    task: str
    state: str
    attempts: int
    began: float | None
    ended: float | None
    reason: str
    message: str
    again: str = ""


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """How a run would go: its tasks in the Flow's order, and its end; without an outcome it would wait for somebody.

    `guess` is how long was taken by what no duration is given for, None where that is nothing; `is_late` when the run
    does not keep its deadline even so. `state` and `entries` are what the run and the cache are in the end.
    """

    tasks: tuple[Told, ...]
    outcome: Outcome | None
    seconds: float
    why: str
    guess: float | None
    is_late: bool
    state: State
    entries: Entries


def rehearse(graph: Graph, run: Run, assumed: Assumed) -> Rehearsal:
    """Play a run through."""
    return _in_time(graph, run, assumed, None, {})


def rehearse_again(graph: Graph, run: Run, first: Rehearsal, wanted: Wanted, assumed: Assumed) -> Rehearsal:
    """Play a rerun through of a run that has ended; what it takes over is the production code's choice."""
    again = reuse.again(graph, first.state, wanted)
    own = replace(run, name=f"{run.name}-again", uid=f"{run.uid[:-1]}1", created=run.created + first.seconds)
    own = replace(own, root=run.work, scheduled=run.due)
    told = _in_time(graph, own, assumed, _beginning(graph, own, first.state, wanted, again), first.entries)
    tasks = (replace(one, again=again.get(graph.slots[one.task], "")) for one in told.tasks)
    return replace(told, tasks=tuple(tasks))


def _beginning(graph: Graph, run: Run, old: State, wanted: Wanted, again: dict[int, str]) -> State | None:
    keep = [slot for slot in range(len(graph.nodes)) if slot not in again]
    if not keep:
        return None
    stores = reuse.taken_over(graph, run, old, keep)
    return reuse.beginning(graph, wanted.of, stores[0].data, {content.name: content.data for content in stores})


def _in_time(graph: Graph, run: Run, assumed: Assumed, state: State | None, entries: Entries) -> Rehearsal:
    """Play a run through with guesses that are as short as its deadline needs: a guess shall not make it look late."""
    told = None
    for seconds in SHORTER:
        told = _play(graph, run, replace(assumed, otherwise=seconds), state, dict(entries))
        if not told.is_late or told.guess is None:
            break
    assert told is not None  # noqa: S101  there is at least one guess
    return told


def _play(graph: Graph, run: Run, assumed: Assumed, state: State | None, entries: Entries) -> Rehearsal:
    paper = _with_objects(graph)
    state, is_first = state or states.fresh(paper), True
    stage = Stage(paper, assumed, Agenda(run.created), entries, state.ledger)
    for _ in range(_MAX_STEPS):
        plan = decide(paper, run, state, stage.facts("Running"), stage.agenda.now, first=is_first)
        state, is_first = plan.state, False
        stage.act(plan.actions, state.ledger)
        goes_on = plan.outcome is None and (stage.pass_time(plan.wake_at) or plan.deciding)
        if not goes_on:
            return _told(run, stage, plan)
        if stage.agenda.now - run.created > _MAX_SECONDS:
            raise UsageError("the run would take longer than a thousand years; give shorter durations")
    raise UsageError(f"the run of {len(graph.nodes):,} tasks would not end within {_MAX_STEPS:,} steps: assume less")


def _with_objects(graph: Graph) -> Graph:
    """Give the graph with every `wait.for.when` as true: whether the object is so, is assumed and not computed."""
    nodes = (replace(n, inputs={**n.inputs, "when": _TRUE}) if "when" in n.inputs else n for n in graph.nodes)
    return replace(graph, nodes=tuple(nodes))


def _told(run: Run, stage: Stage, plan: Plan) -> Rehearsal:
    state, assumed = plan.state, stage.assumed
    return Rehearsal(
        tasks=tuple(_task(run, stage, plan, slot) for slot in range(len(stage.graph.nodes))),
        outcome=plan.outcome,
        seconds=stage.agenda.now - run.created,
        why=str(plan.status.get("why", "")),
        guess=assumed.otherwise if stage.guessed else None,
        is_late=state.stop is not None and state.stop.reason == "DeadlineExceeded",
        state=state,
        entries=stage.entries,
    )


def _task(run: Run, stage: Stage, plan: Plan, slot: int) -> Told:
    """Tell of a task, also of one that has no row in the status of a large run."""
    ledger, record = plan.state.ledger, plan.state.records.get(slot, Record())
    letter = ledger.slots[slot]
    has_ended = letter in letters.FINAL
    began = stage.began.get(slot, record.started)
    if began is None and letter in _AT_ONCE:
        began = record.finished
    ended = record.finished if has_ended and began is not None else None
    name, attempts = stage.graph.nodes[slot].name, ledger.attempts[slot]
    return Told(name, STATES[letter], attempts, _since(run, began), _since(run, ended), record.reason, record.message)


def _since(run: Run, instant: float | None) -> float | None:
    return None if instant is None else instant - run.created
