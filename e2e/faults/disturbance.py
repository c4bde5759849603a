"""One run under one scenario, and what came of it: it must end as if nothing had been, and something must have been."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial

from .lab import Lab, Seat, Stage
from .recorder import Record
from .rules import Rule
from .samples import Sample, problems
from .scenarios import Scenario

RUN_SECONDS = 240.0


def _task(name: str, needs: Sequence[str], script: str) -> dict[str, object]:
    return {"name": name, "needs": list(needs), "image": "busybox:1.36", "script": script}


FORK = Sample(
    "fork",
    (
        {
            "apiVersion": "tidegate.dev/v1alpha1",
            "kind": "Flow",
            "metadata": {"name": "fork"},
            "spec": {
                "tasks": [
                    _task("first", [], 'echo \'{"rows": 3}\' > "$TIDEGATE_OUTPUT"'),
                    _task("left", ["first"], 'echo \'{"side": "left"}\' > "$TIDEGATE_OUTPUT"'),
                    _task("right", ["first"], "true"),
                    {"name": "last", "needs": ["left", "right"], "set": {"side": "$[[ tasks.left.outputs.side ]]"}},
                ],
                "outputs": [
                    {"name": "rows", "value": "$[[ tasks.first.outputs.rows ]]"},
                    {"name": "side", "value": "$[[ tasks.last.outputs.side ]]"},
                ],
            },
        },
    ),
    ends="Succeeded",
    reason="Completed",
)
"""A task, two that need it, one without a pod that needs both; with outputs on the way."""


@dataclass(frozen=True, slots=True)
class Disturbed:
    """What came of a scenario. `starts` counts operator processes."""

    name: str
    hits: int
    starts: int
    seconds: float
    problems: tuple[str, ...]

    def __str__(self) -> str:
        """Give a row of a table."""
        told = "; ".join(self.problems) or "well"
        return f"{self.name:66} {self.hits:4} {self.starts:6} {self.seconds:7.1f}  {told}"


HEAD = f"{'scenario':66} {'hits':>4} {'starts':>6} {'seconds':>7}"


async def disturb(lab: Lab, scenarios: Iterable[Scenario], width: asyncio.Semaphore) -> list[Disturbed]:
    """Play the Flow once undisturbed and once under each scenario, as many at a time as `width` lets through."""
    async with width, lab.stage() as stage:
        undisturbed = await stage.play(FORK)
    assert not list(problems(undisturbed, FORK)), list(problems(undisturbed, FORK))
    return await asyncio.gather(*(_disturb(lab, scenario, undisturbed, width) for scenario in scenarios))


async def _disturb(lab: Lab, scenario: Scenario, undisturbed: Record, width: asyncio.Semaphore) -> Disturbed:
    async with width, lab.stage(scenario.operators, **scenario.settings) as stage:
        events = _arrange(scenario, stage)
        began = asyncio.get_running_loop().time()
        record = await stage.play(FORK, RUN_SECONDS)
        seconds = asyncio.get_running_loop().time() - began
        for seat in stage.seats:
            await seat.operator.awake()
    rules = [seat.proxy.rules for seat in stage.seats]
    found = list(problems(record, FORK, undisturbed))
    found += [f"it never came to this: {same[0].fault}" for same in zip(*rules, strict=True) if not _hits(same)]
    if scenario.at is not None and not events:
        found.append("it never came to the event")
    starts = sum(seat.operator.starts for seat in stage.seats)
    return Disturbed(scenario.name, len(events) + sum(map(_hits, rules)), starts, seconds, tuple(found))


def _hits(rules: Iterable[Rule]) -> int:
    return sum(len(rule.hits) for rule in rules)


def _arrange(scenario: Scenario, stage: Stage) -> list[Seat]:
    """Give every proxy its rules; give the list that will have the operator to which the event happened."""
    happened: list[Seat] = []

    def event(seat: Seat) -> None:
        if not happened:
            happened.append(seat)
            scenario.then(seat)

    for seat in stage.seats:
        seat.proxy.rules += scenario.rules()
        if scenario.at is not None:
            seat.proxy.notices.append((scenario.at, partial(event, seat)))
    return happened
