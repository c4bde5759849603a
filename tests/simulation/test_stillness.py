"""A step leaves nothing undone: whoever decides again at once, on the same facts and with no memory, decides nothing.

What a step leaves undone nobody wakes up for: the run hangs until something else happens to it, perhaps for ever. So
the production `decide` is asked twice, at every step of many simulated runs.
"""

from collections import Counter
from dataclasses import replace

import pytest

from simulation.simulation import simulate
from tidegate.engine.facts import Facts
from tidegate.engine.graph import Graph
from tidegate.engine.plan import Plan, decide
from tidegate.engine.run import Run
from tidegate.engine.state import State
from tidegate.kube import reconciler

SEEDS = (*range(1_000, 1_060), 108_696)
"""The last is that of a run that hung because `finally` was not begun."""


class Twice:
    """Decides twice, and remembers where the second time was not still."""

    def __init__(self) -> None:
        self.found: list[str] = []
        self.counts: Counter[str] = Counter()

    def decide(self, graph: Graph, run: Run, state: State, facts: Facts, now: float, *, first: bool = False) -> Plan:
        plan = decide(graph, run, state, facts, now, first=first)
        if plan.outcome is not None or (plan.wake_at is not None and plan.wake_at <= now) or _knows(facts, state, plan):
            self.counts["not at rest"] += 1
            return plan
        self.counts["asked again"] += 1
        again = decide(graph, run, replace(plan.state, memory=None), replace(facts, changed=None), now)
        if again.deciding or again.outcome is not None:
            before, after = (each.state.ledger.slots.decode() for each in (plan, again))
            self.found.append(f"{run.name}: {state.ledger.slots.decode()} became {before}, and at once {after}")
        return plan


def _knows(facts: Facts, state: State, plan: Plan) -> bool:
    """Whether something is known already of an attempt that this step names, as when another operator was faster."""
    before, after = state.ledger.attempts, plan.state.ledger.attempts
    named = {(slot, attempt) for slot, attempt in enumerate(after) if tuple(before[slot : slot + 1]) != (attempt,)}
    kinds = (facts.jobs, facts.pods, facts.children, facts.confirmed, facts.rejections)
    return any(attempt in kind for kind in kinds for attempt in named)


def test_who_decides_again_at_once_decides_nothing(monkeypatch: pytest.MonkeyPatch):
    twice = Twice()
    monkeypatch.setattr(reconciler, "decide", twice.decide)
    for seed in SEEDS:
        simulate(seed, None)
        assert twice.found == [], seed
    assert twice.counts["asked again"] > 10 * twice.counts["not at rest"] > 0
