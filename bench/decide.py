"""What one decision costs in the middle of a run, by the size of the Flow."""

import json
import math
import statistics
import time
from typing import Any

from bench.flows import typical
from bench.tables import table
from tidegate.api.flow import FlowSpec
from tidegate.engine import ledger as letters
from tidegate.engine.facts import Attempt, Facts, JobFact, JobState, PodFact
from tidegate.engine.graph import Graph, compile_flow
from tidegate.engine.ledger import Ledger
from tidegate.engine.plan import Plan, decide
from tidegate.engine.records import Record
from tidegate.engine.run import Run
from tidegate.engine.state import State

SIZES = (100, 500, 2500)
REPEATS = 40
INLINE = 250
"""Outputs of the typical Flow that a status holds before they are stored apart."""
NOW = 1_764_000_000.0


def run() -> None:
    """Measure two events: a pod has begun to run, and a task has ended, so that the next one starts."""
    found = {size: _measured(size) for size in SIZES}
    rows = [[f"{size:,}", *(f"{cost:.2f} ms" for cost in costs), f"{kb:.1f} kB"] for size, (costs, kb) in found.items()]
    rows.append(["growth exponent", *(f"{_exponent(found, which):.2f}" for which in range(2)), ""])
    heads = ("tasks", "pod runs", "task ended, next starts", "status")
    table(f"CPU of engine.plan.decide for one event, half the run done, median of {REPEATS}", heads, rows)


def _exponent(found: dict[int, tuple[list[float], float]], which: int) -> float:
    small, large = SIZES[0], SIZES[-1]
    return math.log(found[large][0][which] / found[small][0][which]) / math.log(large / small)


def _measured(size: int) -> tuple[list[float], float]:
    """Give the milliseconds of both events, and the kB of status that the second would write."""
    graph = _graph(size)
    costs, plan = [], None
    before = _facts(size // 2, running=True, seen=False)
    for facts in (_facts(size // 2, running=True), _facts(size // 2, running=False)):
        spent, plan = _decided(graph, before, facts)
        costs.append(1000 * spent)
    if plan is None or not plan.actions:
        raise RuntimeError(f"the end of task {size // 2} was to start the next one")
    return costs, len(json.dumps(plan.status)) / 1000


def _decided(graph: Graph, known: Facts, facts: Facts) -> tuple[float, Plan]:
    """Give the seconds of one step of a process that has followed the run so far, and what it decides."""
    begun = Run("ns", "run", "uid", "flow", "revision", NOW, {"region": "eu"})
    state, spent = decide(graph, begun, _halfway(len(graph.nodes)), known, NOW + 59).state, []
    for _ in range(REPEATS):
        before = time.process_time()
        plan = decide(graph, begun, state, facts, NOW + 60)
        spent.append(time.process_time() - before)
    return statistics.median(spent), plan


def _graph(size: int) -> Graph:
    spec: dict[str, Any] = typical(size)["spec"]
    graph, found = compile_flow(FlowSpec.model_validate(spec))
    if graph is None:
        raise RuntimeError(f"the generated Flow was to be valid: {found}")
    return graph


def _halfway(size: int) -> State:
    """Give a run whose first half has succeeded, whose next task is live, and whose others wait."""
    done, rest = size // 2, size - size // 2 - 1
    slots = bytearray([letters.SUCCEEDED] * done + [letters.OBSERVED] + [letters.PENDING] * rest)
    return State(
        Ledger(slots, [1] * (done + 1) + [0] * rest),
        records={slot: Record(started=NOW, finished=NOW + 1) for slot in range(done)},
        outputs={slot: {"rows": "17"} for slot in range(done)},
        inline=frozenset(range(done)[-INLINE:]),
        refs=("outputs",),
        started=NOW,
    )


def _facts(live: int, *, running: bool, seen: bool = True) -> Facts:
    """Give the Jobs and pods of all tasks up to the live one, which runs or has just ended; retention took none.

    Only the live one is news; unless it was not `seen`: then nothing is known of what is.
    """
    attempts: list[Attempt] = [(slot, 1) for slot in range(live)]
    jobs = {at: JobFact(f"job-{at[0]}", f"j{at[0]}", at, JobState.COMPLETE, NOW, NOW + 2) for at in attempts}
    pods = {at: (_pod(at, alive=False, clean=True, finished=NOW + 1),) for at in attempts}
    last = (live, 1)
    ended = {} if running else {"clean": True, "exit_code": 0, "output": '{"rows": "17"}', "finished": NOW + 59}
    jobs[last] = JobFact(f"job-{live}", f"j{live}", last, JobState.ACTIVE, NOW + 50)
    if not seen:
        return Facts(jobs=jobs, pods=pods, alive=set())
    pods[last] = (_pod(last, running=running, **ended),)
    return Facts(jobs=jobs, pods=pods, alive={last}, changed=frozenset({live}))


def _pod(at: Attempt, **more: Any) -> PodFact:
    return PodFact(f"pod-{at[0]}", f"p{at[0]}", f"j{at[0]}", at, started=NOW, **more)
