"""The status of a run as it is written: complete, never patched."""

from collections.abc import Mapping
from typing import Any

from tidegate.api.conditions import carry, timestamp
from tidegate.engine import conditions, telling
from tidegate.engine.conclusion import Outcome
from tidegate.engine.draft import Draft
from tidegate.engine.run import Run
from tidegate.engine.state import State


def render(draft: Draft, state: State, outcome: Outcome | None, old: State) -> dict[str, Any]:
    """Give the whole status after a step; `state` is the new one, but for its conditions."""
    run = draft.run
    slots = state.ledger.slots
    names = [node.name for node in draft.graph.nodes]
    sentence = f"{outcome.reason}: {outcome.message}" if outcome else telling.why(draft)
    wanted = conditions.ended(outcome) if outcome else conditions.running(message=sentence)
    status: dict[str, Any] = {
        "observedGeneration": run.generation,
        "frozen": {"revision": run.revision, "params": dict(run.params), "time": _time(state.started)},
        "startTime": _time(state.started),
        "progress": telling.progress(slots),
        "counts": telling.counts(slots),
        "conditions": carry(old.conditions, wanted, generation=run.generation, now=draft.now),
        "ledger": state.ledger.dump(),
        "tasks": telling.rows(draft),
        "why": sentence[:4096],
    }
    if state.completed is not None:
        status["completionTime"] = _time(state.completed)
    if state.inline:
        status["outputs"] = {names[slot]: state.outputs[slot] for slot in sorted(state.inline)}
    if state.refs:
        status["outputRefs"] = list(state.refs)
    if state.run_outputs is not None:
        status["runOutputs"] = dict(state.run_outputs)
    return status


def waiting(run: Run, old: Mapping[str, Any], reason: str, message: str, now: float) -> dict[str, Any]:
    """Give the status of a run that cannot be admitted yet."""
    wanted = conditions.running(reason, message)
    return {
        "observedGeneration": run.generation,
        "conditions": carry(old.get("conditions"), wanted, generation=run.generation, now=now),
        "why": f"{reason}: {message}"[:4096],
    }


def refused(run: Run, old: Mapping[str, Any], outcome: Outcome, now: float) -> dict[str, Any]:
    """Give the status of a run that ends without a task of it having started, or whose graph cannot be read."""
    wanted = conditions.ended(outcome)
    kept = {key: old[key] for key in ("frozen", "startTime", "ledger", "outputs", "outputRefs", "tasks") if key in old}
    return {
        **kept,
        "observedGeneration": run.generation,
        "completionTime": _time(now),
        "conditions": carry(old.get("conditions"), wanted, generation=run.generation, now=now),
        "why": f"{outcome.reason}: {outcome.message}"[:4096],
    }


def _time(instant: float | None) -> str | None:
    return timestamp(instant) if instant is not None else None
