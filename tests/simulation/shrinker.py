"""Making a failing scenario small: fewer faults, runs, tasks and acts, and as many throws as possible set to nothing.

What is kept breaks the same rule in the same way. Nothing of it is minimal for certain; it is small enough to be read.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from simulation.chance import dice, recorded, tape
from simulation.scenario import Scenario, drawn
from simulation.simulation import Result, play

MOST_PLAYS = 4_000
TRIES = 10


@dataclass(frozen=True, slots=True)
class Case:
    """A scenario with all its throws, and what playing it showed."""

    scenario: Scenario
    throws: tuple[float, ...]
    result: Result


def recorded_case(seed: int, faults: frozenset[str] | None = None) -> Case:
    """Play a seed and keep every throw."""
    scenario, throws = drawn(seed, faults), []
    result = play(scenario, recorded(dice(seed), throws))
    return Case(scenario, tuple(throws), result)


_PARTICULAR = re.compile(r"\([^)]*\)|\[[^\]]*\]|'[^']*'|[^\s:;,]*\d[^\s:;,]*|\b[A-Z]+\b")
"""What differs from scenario to scenario: names, numbers, moments, letters of a ledger."""


_SHAPE = re.compile(r"(rule \d+|)(.*)", re.DOTALL)


def kind_of(result: Result) -> str:
    """Give what was broken first and how, without where and when."""
    return _SHAPE.sub(_general, result.violations[0], count=1) if result.violations else ""


def _general(told: re.Match[str]) -> str:
    return told[1] + " ".join(_PARTICULAR.sub("", told[2]).split())


class Shrinker:
    """Shrinks one case; `plays` counts how often it was played."""

    def __init__(self, case: Case) -> None:
        self.case, self.plays = case, 0
        self._kind = kind_of(case.result)

    def shrink(self) -> Case:
        """Shrink until nothing helps any more, or it was played often enough."""
        before: tuple[Any, ...] = ()
        while before != (before := self._size()) and self.plays < MOST_PLAYS:
            for variants in (_fewer_runs, _fewer_faults, _fewer_acts, _fewer_tasks, _simpler):
                self._take(variants)
            self._cut_throws()
            self._silence_throws()
        return self.case

    def _size(self) -> tuple[int, ...]:
        scenario = self.case.scenario
        tasks = sum(len(_all_tasks(flow["spec"])) for flow in scenario.flows)
        thrown = sum(1 for throw in self.case.throws if throw)
        return len(scenario.faults), len(scenario.runs), len(scenario.acts), tasks, thrown

    def _try(self, scenario: Scenario, throws: Sequence[float]) -> bool:
        if self.plays >= MOST_PLAYS:
            return False
        self.plays += 1
        result = play(scenario, tape(throws))
        if kind_of(result) != self._kind:
            return False
        self.case = Case(scenario, tuple(throws), result)
        return True

    def _take(self, variants: Callable[[Scenario], Iterator[Scenario]]) -> None:
        """Take variants of the scenario as long as one of them still fails."""
        while any(self._try(variant, self.case.throws) or self._try_anew(variant) for variant in self._each(variants)):
            pass

    def _each(self, variants: Callable[[Scenario], Iterator[Scenario]]) -> Iterator[Scenario]:
        return variants(self.case.scenario) if self.plays < MOST_PLAYS else iter(())

    def _try_anew(self, scenario: Scenario) -> bool:
        """Try a variant with other throws: with less in it, the old ones stand for something else."""
        for seed in range(TRIES):
            throws: list[float] = []
            result = play(scenario, recorded(dice(seed), throws))
            self.plays += 1
            if kind_of(result) == self._kind:
                self.case = Case(scenario, tuple(throws), result)
                return True
        return False

    def _cut_throws(self) -> None:
        """Cut off as much of the end as possible: after the last throw nothing happens any more."""
        good, bad = 0, len(self.case.throws)
        while good < bad:
            middle = (good + bad) // 2
            if self._try(self.case.scenario, self.case.throws[:middle]):
                bad = middle
            else:
                good = middle + 1

    def _silence_throws(self) -> None:
        """Set throws to nothing, in blocks that become smaller."""
        size = max(1, len(self.case.throws) // 2)
        while size:
            for start in range(0, len(self.case.throws), size):
                throws = list(self.case.throws)
                if any(throws[start : start + size]):
                    throws[start : start + size] = [0.0] * len(throws[start : start + size])
                    self._try(self.case.scenario, throws)
            size //= 2


def _fewer_faults(scenario: Scenario) -> Iterator[Scenario]:
    for fault in sorted(scenario.faults):
        acts = tuple(act for act in scenario.acts if act.what != fault)
        yield replace(scenario, faults=scenario.faults - {fault}, acts=acts)


def _fewer_runs(scenario: Scenario) -> Iterator[Scenario]:
    for name in scenario.runs:
        runs = {other: run for other, run in scenario.runs.items() if other != name}
        used = {flow for flow, _ in runs.values()}
        yield replace(
            scenario,
            runs=runs,
            acts=tuple(act for act in scenario.acts if act.run != name),
            flows=tuple(flow for flow in scenario.flows if flow["metadata"]["name"] in used),
        )


def _fewer_acts(scenario: Scenario) -> Iterator[Scenario]:
    for index in range(len(scenario.acts)):
        yield replace(scenario, acts=scenario.acts[:index] + scenario.acts[index + 1 :])


def _fewer_tasks(scenario: Scenario) -> Iterator[Scenario]:
    for place, flow in enumerate(scenario.flows):
        for task in _all_tasks(flow["spec"]):
            spec = _without_task(flow["spec"], task["name"])
            if spec["tasks"]:
                yield _with_flow(scenario, place, spec)


def _simpler(scenario: Scenario) -> Iterator[Scenario]:
    """Leave out what a Flow or a task says beyond its name, needs and body."""
    for name, details in scenario.details.items():
        for field in details:
            less = {key: value for key, value in details.items() if key != field}
            yield replace(scenario, details={**scenario.details, name: less})
    if scenario.aftermath:
        yield replace(scenario, aftermath=False)
    for place, flow in enumerate(scenario.flows):
        spec = flow["spec"]
        for field in sorted(spec.keys() - {"tasks"}):
            yield _with_flow(scenario, place, {key: value for key, value in spec.items() if key != field})
        for section in ("tasks", "finally"):
            for index, task in enumerate(spec.get(section, ())):
                for field in sorted(task.keys() - {"name", "image", "set", "wait", "fail"}):
                    tasks = list(spec[section])
                    tasks[index] = {key: value for key, value in task.items() if key != field}
                    yield _with_flow(scenario, place, {**spec, section: tasks})


def _with_flow(scenario: Scenario, place: int, spec: dict[str, Any]) -> Scenario:
    flows = list(scenario.flows)
    flows[place] = {**flows[place], "spec": spec}
    return replace(scenario, flows=tuple(flows))


def _without_task(spec: dict[str, Any], name: str) -> dict[str, Any]:
    def kept(tasks: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        return [
            {**task, "needs": [need for need in task.get("needs", ()) if need != name]}
            for task in tasks
            if task["name"] != name
        ]

    sections = {section: kept(spec[section]) for section in ("tasks", "finally") if section in spec}
    return {**spec, **sections}


def _all_tasks(spec: dict[str, Any]) -> list[dict[str, Any]]:
    return [*spec["tasks"], *spec.get("finally", ())]
