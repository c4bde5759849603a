"""What is explored: small Flows, each with as many operators and faults as can still be exhausted."""

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
