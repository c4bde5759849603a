"""What one decision costs, by the size of the Flow."""

import math
import time
from typing import Any

from bench.flows import typical
from bench.tables import table
from tidegate.api.flow import FlowSpec
from tidegate.engine import state as states
from tidegate.engine.facts import Facts, JobFact, JobState
from tidegate.engine.graph import Graph, compile_flow
from tidegate.engine.plan import decide
from tidegate.engine.run import Run

SIZES = (100, 500, 2500)
REPEATS = 30


def run() -> None:
    """Measure `decide` for one event of a run whose first task is live."""
    costs = {size: _milliseconds(size) for size in SIZES}
    growth = math.log(costs[SIZES[-1]] / costs[SIZES[0]]) / math.log(SIZES[-1] / SIZES[0])
    rows = [[size, f"{cost:.3f} ms"] for size, cost in costs.items()]
    table("engine.decide, CPU for one event (best of 30)", ("tasks", "CPU"), rows)
    print(f"\ngrowth exponent {growth:.2f}")


def _graph(size: int) -> Graph:
    spec: dict[str, Any] = typical(size)["spec"]
    graph, found = compile_flow(FlowSpec.model_validate(spec))
    if graph is None:
        raise AssertionError(found)
    return graph


def _milliseconds(size: int) -> float:
    graph, now = _graph(size), 1_764_000_000.0
    run = Run("ns", "run", "uid", "flow", "rev", now, {"region": "eu"})
    plan = decide(graph, run, states.fresh(graph), Facts(), now, first=True)
    facts = Facts(jobs={(0, 1): JobFact("job", "juid", (0, 1), JobState.ACTIVE, now)})
    best = math.inf
    for _ in range(REPEATS):
        began = time.process_time()
        decide(graph, run, plan.state, facts, now + 1)
        best = min(best, time.process_time() - began)
    return best * 1000
