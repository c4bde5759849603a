"""What is explored: small Flows, each with as many operators and faults as can still be exhausted.

Explored is the production code from the inbox to the client, with the engine in its middle; what is below the client
(API server, Job controller, kubelet) is the explorer's own small model, and the work queue is two claims (`bell.py`).

Not explored: all faults at once for two operators and a chain, of which there are more states than can be kept: their
faults come alone or in pairs, and all together for one operator, whose earlier life may still have requests on their
way. Nor what takes minutes (retention, deadlines), lists after a gap, limits, child runs, approvals, Indexed fan-outs,
and controllers that act on old knowledge: those are for the simulation.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple


class Faults(NamedTuple):
    """How often each may still strike.

    `crash`: an operator dies and starts anew; what it had asked for may arrive later, or never. `lose`: a request gets
    no answer; it may arrive later, or never. `slow`: an answer comes late, after everything else that can happen, and
    more than `FRESH_SECONDS` later. `lag`: one kind's view of one operator stands still for a while. `fail`: a
    container fails. `evict`, `delete` and `cancel` are done by others, to a pod, a Job and the run.
    """

    crash: int = 0
    lose: int = 0
    slow: int = 0
    lag: int = 0
    fail: int = 0
    evict: int = 0
    delete: int = 0
    cancel: int = 0


@dataclass(frozen=True, slots=True)
class Scenario:
    """A Flow, so many operators, so many faults. `settles`: a pod's phase follows its containers as another step."""

    name: str
    tasks: tuple[Mapping[str, Any], ...]
    faults: Faults
    operators: int = 2
    finally_: tuple[Mapping[str, Any], ...] = ()
    parallelism: int | None = None
    settles: bool = False
    spec: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        spec: dict[str, Any] = {"tasks": list(self.tasks)}
        spec |= {"finally": list(self.finally_)} if self.finally_ else {}
        spec |= {"parallelism": self.parallelism} if self.parallelism else {}
        object.__setattr__(self, "spec", spec)


def a_task(name: str, *needs: str, **more: Any) -> dict[str, Any]:
    """Give a task that runs a container."""
    return {"name": name, "image": "busybox", "command": ["true"], "needs": list(needs), **more}


RETRY = {"limit": 1, "delaySeconds": 0}

A, B = a_task("a"), a_task("b", "a")
READS = a_task("b", "a", args=["$[[ string(tasks.a.?outputs.?n.orValue(0)) ]]"])
CHAIN = (A, B)
ITEMS = {"items": [1, 2], "strategy": "Jobs"}

SCENARIOS = (
    Scenario("one-storm", (A,), Faults(crash=1, lose=1)),
    Scenario("one-crashes", (A,), Faults(crash=2)),
    Scenario("one-lost", (A,), Faults(lose=2)),
    Scenario("one-cancel", (A,), Faults(cancel=1)),
    Scenario("one-cancel-crash", (A,), Faults(crash=1, cancel=1)),
    Scenario("one-cancel-lost", (A,), Faults(lose=1, cancel=1)),
    Scenario("one-cancel-storm", (A,), Faults(crash=1, lose=1, slow=1, cancel=1), operators=1),
    Scenario("one-stale", (A,), Faults(crash=1, slow=1, lag=1, cancel=1), operators=1),
    Scenario("one-late", (A,), Faults(crash=1, lag=1, fail=1), operators=1),
    Scenario("one-behind", (A,), Faults(lag=1, fail=1), settles=True),
    Scenario("one-unseen", (A,), Faults(lag=1)),
    Scenario("one-lost-alone", (A,), Faults(lose=1), operators=1),
    Scenario("one-evicted", (A,), Faults(evict=1)),
    Scenario("one-evicted-crash", (A,), Faults(evict=1, crash=1, lose=1), operators=1),
    Scenario("one-deleted", (A,), Faults(delete=1)),
    Scenario("one-deleted-crash", (A,), Faults(delete=1, crash=1, lose=1), operators=1),
    Scenario("one-deleted-late", (A,), Faults(delete=1, lag=1), operators=1),
    Scenario("one-meddled", (A,), Faults(delete=1, evict=1, cancel=1), operators=1),
    Scenario("retry", (a_task("a", retry=RETRY),), Faults(fail=1)),
    Scenario("retry-storm", (a_task("a", retry=RETRY),), Faults(fail=2, crash=1, lose=1), operators=1),
    Scenario("retry-cancel", (a_task("a", retry=RETRY),), Faults(fail=1, cancel=1, crash=1), operators=1),
    Scenario("chain", CHAIN, Faults(crash=1)),
    Scenario("chain-lost", CHAIN, Faults(crash=1, lose=1), operators=1),
    Scenario("chain-cancel", CHAIN, Faults(crash=1, cancel=1), operators=1),
    Scenario("chain-storm", CHAIN, Faults(crash=1, lose=1, cancel=1), operators=1),
    Scenario("chain-late", (A, READS), Faults(lag=1, fail=1), operators=1, settles=True),
    Scenario("chain-evicted", (A, READS), Faults(evict=1, fail=1), operators=1),
    Scenario("chain-of-three", (A, B, a_task("c", "b")), Faults(crash=1, lose=1), operators=1),
    Scenario("fork", (A, a_task("b")), Faults(crash=1), operators=1),
    Scenario("fork-narrow", (A, a_task("b")), Faults(crash=1, lose=1, fail=1), operators=1, parallelism=1),
    Scenario("diamond", (A, a_task("b"), a_task("c", "a", "b")), Faults(fail=1), operators=1),
    Scenario("finally", (A,), Faults(crash=1, fail=1, cancel=1), operators=1, finally_=(a_task("z"),)),
    Scenario("fan-out", (a_task("a", forEach=ITEMS),), Faults(crash=1, fail=1), operators=1),
    Scenario("fan-out-cancel", (a_task("a", forEach=ITEMS),), Faults(cancel=1), operators=1),
)
"""All of them; `make explore` goes through each."""

QUICK = ("one-storm", "one-late")
"""Those that the tests go through every time."""
