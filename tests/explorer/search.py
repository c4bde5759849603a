"""The search: every state that can be reached, breadth first, each once; then whether the run ends from all of them.

It stops at the first broken rule, which is told with the shortest way to it. It never leaves anything out: where there
are more states than it may keep, it says so and has not exhausted the scenario, which is a failure like any other.
"""

from array import array
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from explorer.apiserver import News
from explorer.client import Shared
from explorer.library import Library
from explorer.manifests import FLOW, NAME, UID
from explorer.moves import Moves
from explorer.operators import Operators
from explorer.rules import Rules
from explorer.scenarios import Scenario
from explorer.states import Op, State
from explorer.truth import World
from explorer.worlds import Worlds
from tidegate.engine.facts import Attempt
from tidegate.resources.names import job_name

BOUND = 3_000_000
_SLOTS, _ATTEMPTS = 12, 8


@dataclass(slots=True)
class Result:
    """What a search came to. `broken` says which rule, `way` how to get there; `is_exhausted` that nothing is left."""

    scenario: str
    states: int = 0
    moves: int = 0
    depth: int = 0
    ended: int = 0
    """States in which nothing can happen any more, but faults."""
    struck: Counter[str] = field(default_factory=Counter)
    operator_states: int = 0
    worlds: int = 0
    broken: str = ""
    way: tuple[str, ...] = ()
    is_exhausted: bool = False

    def told(self) -> str:
        """Say it in a line; and the way to what is broken in more."""
        if self.broken:
            steps = "".join(f"\n  {number:3} {step}" for number, step in enumerate(self.way, 1))
            return f"{self.scenario}: BROKEN after {self.states:,} states: {self.broken}{steps}"
        if not self.is_exhausted:
            return f"{self.scenario}: NOT exhausted: the bound of {self.states:,} states was hit at depth {self.depth}"
        return (
            f"{self.scenario}: exhausted: {self.states:,} states, {self.moves:,} transitions, depth {self.depth}; "
            f"{self.ended:,} ends, {self.operator_states:,} states of operators, {self.worlds:,} of the cluster"
        )


class Search:
    """One search through one scenario."""

    def __init__(self, scenario: Scenario, bound: int = BOUND) -> None:
        self._scenario, self._bound = scenario, bound
        library = Library()
        shared = Shared(library, names_of(scenario))
        self._worlds = Worlds(shared.manifests, Rules(library, scenario.spec), settles=scenario.settles)
        flow = News("flow", "ADDED", shared.manifests.flow(scenario.spec))
        shared.stored["flows", FLOW] = shared.library[flow.object]
        self._operators = Operators(shared, (flow,))
        self._moves = Moves(self._worlds, self._operators)
        self._numbers: dict[State, int] = {}
        self._states: list[State] = []
        self._parents, self._edges = array("l"), array("l")

    def run(self) -> Result:
        """Search until everything was seen, a rule is broken or the bound is hit."""
        result = Result(self._scenario.name)
        self._add(self._first(), -1)
        begin, end = 0, 1
        while begin < end:
            for number in range(begin, end):
                if (broken := self._expand(number, result)) or len(self._states) > self._bound:
                    return self._stopped(result, broken)
            result.depth += 1
            begin, end = end, len(self._states)
        result.depth -= 1
        result.is_exhausted = True
        stuck = self._stuck()
        return self._stopped(
            result, ("15: from here the run never comes to its end", self._way(stuck)) if stuck is not None else None
        )

    def _first(self) -> State:
        world = self._worlds.number(World(1, "Running", None))
        op = Op(self._operators.born(self._worlds.everything(world)))
        return State(world, (op,) * self._scenario.operators, (), self._scenario.faults)

    def _expand(self, number: int, result: Result) -> tuple[str, tuple[str, ...]] | None:
        """Follow every move of a state; give what one breaks, and the way to it."""
        is_silent = True
        for move in self._moves.of(self._states[number]):
            result.moves += 1
            if broken := move.broken or self._failed(move.state):
                return broken[0], (*self._way(number), move.told)
            following = self._add(move.state, number)
            if move.fault:
                result.struck[move.fault] += 1
            else:
                is_silent = False
                self._edges.extend((number, following))
        if is_silent:
            result.ended += 1
            if not self._worlds.is_over(self._states[number].world):
                return "15: nothing goes on any more, and the run has not ended", self._way(number)
        return None

    def _failed(self, state: State) -> tuple[str, ...]:
        failed = next((local.failed for op in state.ops if (local := self._operators[op.local]).failed), "")
        return (f"an operator raised {failed}",) if failed else ()

    def _add(self, state: State, parent: int) -> int:
        number = self._numbers.setdefault(state, len(self._states))
        if number == len(self._states):
            self._states.append(state)
            self._parents.append(parent)
        return number

    def _stopped(self, result: Result, broken: tuple[str, tuple[str, ...]] | None) -> Result:
        result.broken, result.way = broken or ("", ())
        result.states, result.worlds = len(self._states), len(self._worlds)
        result.operator_states = len(self._operators.locals)
        return result

    def _way(self, number: int) -> tuple[str, ...]:
        """Give the shortest way to a state, step by step."""
        return tuple(reversed(list(self._steps_back(number))))

    def _steps_back(self, number: int) -> Iterator[str]:
        while (parent := self._parents[number]) >= 0:
            goal = self._states[number]
            yield next(move.told for move in self._moves.of(self._states[parent]) if move.state == goal)
            number = parent

    def _stuck(self) -> int | None:
        """Give the first state from which, without another fault, silence cannot be reached; None if there is none."""
        count, before = len(self._states), self._backwards()
        sources = {self._edges[index] for index in range(0, len(self._edges), 2)}
        good = bytearray(count)
        reached = [number for number in range(count) if number not in sources]
        for number in reached:
            good[number] = 1
        while reached:
            goal = reached.pop()
            for source in before.get(goal, ()):
                if not good[source]:
                    good[source] = 1
                    reached.append(source)
        return next((number for number in range(count) if not good[number]), None)

    def _backwards(self) -> dict[int, "array[int]"]:
        before: dict[int, array[int]] = {}
        for index in range(0, len(self._edges), 2):
            before.setdefault(self._edges[index + 1], array("l")).append(self._edges[index])
        return before


def names_of(scenario: Scenario) -> dict[str, Attempt]:
    """Give which attempt each name of a Job stands for: names are digests, and requests bear only names."""
    tasks = [task["name"] for task in (*scenario.tasks, *scenario.finally_)]
    attempts = [(slot, number) for slot in range(_SLOTS) for number in range(1, _ATTEMPTS)]
    return {job_name(NAME, task, UID, *attempt): attempt for task in tasks for attempt in attempts}
