"""The status of a run as it is written: complete, never patched."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tidegate.api.conditions import carry, timestamp
from tidegate.engine import conditions, fitting, telling
from tidegate.engine.conclusion import Outcome
from tidegate.engine.draft import Draft
from tidegate.engine.run import Run
from tidegate.engine.sizes import within
from tidegate.engine.state import State
from tidegate.engine.telling import Telling

MOST_SENTENCE = 2048
"""Bytes of what is told of a run that has a ledger, each time that it is told."""

_MOST_REFUSAL = 8192
"""Bytes of it when there is none: every mistake in its params."""

_KEPT = ("frozen", "admittedTime", "stop", "attempt", "startTime", "ledger", "outputs", "outputRefs", "tasks")
"""What a run that ends out of order still says of itself."""


def render(draft: Draft, state: State, outcome: Outcome | None, old: State, told: Telling) -> dict[str, Any]:
    """Give the whole status after a step; `state` is the new one, but for its conditions."""
    run, count = draft.run, len(draft.graph.nodes)
    tasks = state.ledger.slots[:count]
    if outcome is not None:
        outcome = replace(outcome, message=within(outcome.message, MOST_SENTENCE))
    sentence = within(f"{outcome.reason}: {outcome.message}" if outcome else told.why, MOST_SENTENCE)
    wanted = conditions.ended(outcome) if outcome else conditions.running(told.reason, sentence)
    status: dict[str, Any] = {
        "observedGeneration": run.generation,
        "frozen": _frozen(run, state.started, state.key),
        "startTime": _time(state.started),
        "progress": telling.progress(tasks),
        "counts": telling.counts(tasks),
        "conditions": carry(old.conditions, wanted, generation=run.generation, now=draft.now),
        "why": sentence,
    }
    status |= _sometimes(draft, state)
    ledger = state.ledger.dump()
    return {**status, "tasks": fitting.fitted(told.rows, told.size, status), "ledger": ledger}


def _frozen(run: Run, time: float | None, key: str | None) -> dict[str, Any]:
    frozen = {"revision": run.revision, "params": dict(run.params), "time": _time(time)}
    some = {
        "depth": run.depth or None,
        "root": run.root or None,
        "scheduledTime": _time(run.scheduled),
        "trigger": run.occasion.dump() if run.occasion is not None else None,
        "reuse": run.reuse or None,
        "key": key,
    }
    return {**frozen, **{name: value for name, value in some.items() if value is not None}}


def _sometimes(draft: Draft, state: State) -> dict[str, Any]:
    """Give the fields that are there only when they say something."""
    times = {"admittedTime": state.admitted, "nextAttemptTime": state.retry_at, "completionTime": state.completed}
    some: dict[str, Any] = {key: _time(value) for key, value in times.items() if value is not None}
    if state.stop is not None:
        some["stop"] = state.stop.dump()
    if state.run_attempt > 1:
        some["attempt"] = state.run_attempt
    if state.inline:
        some["outputs"] = {draft.label(slot): state.outputs[slot] for slot in sorted(state.inline)}
    if state.refs:
        some["outputRefs"] = list(state.refs)
    if state.run_outputs is not None:
        some["runOutputs"] = dict(state.run_outputs)
    return some


def waiting(run: Run, old: Mapping[str, Any], reason: str, message: str, now: float) -> dict[str, Any]:
    """Give the status of a run that cannot be admitted yet."""
    message = within(message, MOST_SENTENCE)
    wanted = conditions.running(reason, message)
    return {
        **{key: old[key] for key in ("frozen", "stop") if key in old},
        "observedGeneration": run.generation,
        "conditions": carry(old.get("conditions"), wanted, generation=run.generation, now=now),
        "why": f"{reason}: {message}",
    }


def frozen(run: Run, old: Mapping[str, Any], key: str, now: float) -> dict[str, Any]:
    """Give the first status of a run that must wait for its place: its inputs are fixed from now on."""
    inputs = _frozen(run, now, key)
    return waiting(run, {**old, "frozen": inputs}, "Queued", "it waits for a place within its Flow's concurrency", now)


def refused(run: Run, old: Mapping[str, Any], outcome: Outcome, now: float) -> dict[str, Any]:
    """Give the status of a run that ends without a task of it having started, or whose graph cannot be read."""
    kept = {key: old[key] for key in _KEPT if key in old}
    most = MOST_SENTENCE if "ledger" in kept else _MOST_REFUSAL
    outcome = replace(outcome, message=within(outcome.message, most))
    wanted = conditions.ended(outcome)
    return {
        **kept,
        "observedGeneration": run.generation,
        "completionTime": _time(now),
        "conditions": carry(old.get("conditions"), wanted, generation=run.generation, now=now),
        "why": within(f"{outcome.reason}: {outcome.message}", min(most, 4096)),
    }


def _time(instant: float | None) -> str | None:
    return timestamp(instant) if instant is not None else None
