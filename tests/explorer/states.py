"""The state of everything: a cluster, operators, requests on their way, and the faults that are left."""

from typing import NamedTuple

from explorer.apiserver import News
from explorer.requests import Answer, Request
from explorer.scenarios import Faults


class Op(NamedTuple):
    """An operator: its own state by number, what it has not been told yet, by kind, and answers that come late."""

    local: int
    lagging: tuple[tuple[str, tuple[News, ...]], ...] = ()
    late: tuple[tuple[Request, Answer], ...] = ()

    def lags(self, kind: str) -> bool:
        """Whether its view of a kind stands still."""
        return any(lagging == kind for lagging, _ in self.lagging)


class State(NamedTuple):
    """All of it. Operators are in a fixed order, for none is better than another; `world` is a number."""

    world: int
    ops: tuple[Op, ...]
    network: tuple[Request, ...]
    left: Faults


class Move(NamedTuple):
    """Something that can happen next. `broken` are the rules it breaks, `fault` what it costs."""

    told: str
    state: State
    fault: str = ""
    broken: tuple[str, ...] = ()
