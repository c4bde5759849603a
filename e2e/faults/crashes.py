"""Death at every write: a run once undisturbed, then again for each of its writes and each way to die in it.

Before: the server never saw the request. After: it did what was asked, the answer was lost. Late: it gets the request
when another operator is at work already.
"""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial

from .lab import Lab
from .recorder import Record
from .requests import Request
from .rules import Cut, Fault, Late, Rule, any_write
from .samples import Sample, problems

_LATE_SECONDS = 1.5
_TRIES = 4
_FEW = 0.2

Death = Callable[[Callable[[], None]], Fault]
DEATHS: dict[str, Death] = {
    "before": partial(Cut, False),
    "after": partial(Cut, True),
    "late": partial(Late, _LATE_SECONDS),
}


@dataclass(frozen=True, slots=True)
class Crash:
    """One run in which the operator died in its n-th write; `at` is that write, None when the run had fewer."""

    sample: str
    number: int
    death: str
    at: Request | None
    problems: tuple[str, ...]

    def __str__(self) -> str:
        """Tell it in a line."""
        told = "; ".join(self.problems) or "well"
        return f"{self.sample}, {self.death} write {self.number} ({self.at or 'it had fewer'}): {told}"


@dataclass(slots=True)
class Matrix:
    """What came of all crashes of one sample. `writes` are those of the undisturbed run."""

    sample: str
    writes: list[Request]
    crashes: list[Crash] = field(default_factory=list)
    undisturbed: list[str] = field(default_factory=list)

    @property
    def missed(self) -> list[Crash]:
        """Give those in which nobody died: what is written only for people to read is written when there is time."""
        return [crash for crash in self.crashes if crash.at is None]

    @property
    def failures(self) -> list[str]:
        """Say what went wrong, in words; empty when every death was survived."""
        told = [f"{self.sample}, undisturbed: {problem}" for problem in self.undisturbed]
        if len(self.missed) > len(self.crashes) * _FEW:
            told.append(f"{self.sample}: nobody died in {len(self.missed)} of {len(self.crashes)} runs")
        return told + [str(crash) for crash in self.crashes if crash.problems]

    def __str__(self) -> str:
        """Give a row of a table."""
        died = len(self.crashes) - len(self.missed)
        return f"{self.sample:16} {len(self.writes):6} {died:7} {len(self.missed):8} {len(self.failures):8}"


HEAD = f"{'sample':16} {'writes':>6} {'crashes':>7} {'no crash':>8} {'failures':>8}"


async def survive(lab: Lab, sample: Sample, width: asyncio.Semaphore, deaths: Iterable[str] = DEATHS) -> Matrix:
    """Play a sample through all its deaths, as many at a time as `width` lets through."""
    async with width, lab.stage() as stage:
        undisturbed = await stage.play(sample)
        matrix = Matrix(sample.flow, stage.writes)
    matrix.undisturbed += problems(undisturbed, sample)
    work = [
        _crash(lab, sample, number, death, undisturbed, width)
        for number in range(1, len(matrix.writes) + 1)
        for death in deaths
    ]
    matrix.crashes += await asyncio.gather(*work)
    return matrix


async def _crash(
    lab: Lab, sample: Sample, number: int, death: str, undisturbed: Record, width: asyncio.Semaphore
) -> Crash:
    """Die in one write; how many writes a run has depends a little on time, so one that had fewer is played again."""
    for _ in range(_TRIES):
        async with width:
            crash = await _crash_once(lab, sample, number, death, undisturbed)
        if crash.at is not None or crash.problems:
            break
    return crash


async def _crash_once(lab: Lab, sample: Sample, number: int, death: str, undisturbed: Record) -> Crash:
    async with lab.stage() as stage:
        (seat,) = stage.seats
        rule = Rule(DEATHS[death](seat.operator.kill), any_write, first=number)
        seat.proxy.rules.append(rule)
        record = await stage.play(sample)
    at = rule.hits[0] if rule.hits else None
    return Crash(sample.flow, number, death, at, tuple(problems(record, sample, undisturbed)))
