"""Backfills: which instants of a schedule one is about, which of them get a run, and what is wrong with one."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice, takewhile
from math import ceil
from typing import Any

from tidegate.api.backfill import BackfillSpec, Reprocess
from tidegate.api.flow import FlowSpec
from tidegate.api.param import Param
from tidegate.api.triggers import Trigger
from tidegate.engine import intervals
from tidegate.engine.findings import Finding, listed, nearest
from tidegate.engine.paramchecks import problem_of
from tidegate.engine.paramtypes import normal
from tidegate.engine.schedules import Schedule, schedule_of

MOST = 10_000
"""Instants of a Backfill."""

_MOST_COUNTED = 20_000
"""More are not counted, only to say that there are too many."""


@dataclass(frozen=True, slots=True)
class Before:
    """A run that an instant has; `created` in seconds since the epoch."""

    name: str
    created: float
    ended: bool
    succeeded: bool


def span_of(spec: BackfillSpec) -> tuple[int, int]:
    """Give the first and the last second that may be an instant of a Backfill: `from` is inside, `to` is not.

    Nothing is before 1970.
    """
    since, until = (datetime.fromisoformat(text).timestamp() for text in (spec.since, spec.until))
    return max(1, ceil(since)), ceil(until) - 1


def instants_of(schedule: Schedule, spec: BackfillSpec) -> tuple[int, ...]:
    """Give the instants of a Backfill, oldest first; of one that has too many, some too many."""
    first, last = span_of(spec)
    return tuple(takewhile(lambda second: second <= last, islice(schedule.after(first - 1), MOST + 1)))


def trigger_of(spec: BackfillSpec, flow: FlowSpec) -> Trigger | None:
    """Give the trigger that a Backfill names, if its Flow has it."""
    return next((trigger for trigger in flow.triggers if trigger.name == spec.trigger), None)


def unknown_trigger(spec: BackfillSpec, flow: FlowSpec) -> Finding:
    """Say that the Flow does not have the trigger, and which ones it has."""
    names = [trigger.name for trigger in flow.triggers]
    hint = nearest(spec.trigger, names) or (f"; it has {listed(names)}" if names else "; it has none")
    return Finding(("spec", "trigger"), f'Flow {spec.flow_ref.name} has no trigger "{spec.trigger}"{hint}')


def check(spec: BackfillSpec, flow: FlowSpec, trigger: Trigger) -> list[Finding]:
    """Find what is wrong with a Backfill of a Flow that is valid."""
    if not trigger.is_scheduled:
        message = f"trigger {trigger.name} has no schedule: a Backfill is of instants of a cron or an interval"
        return [Finding(("spec", "trigger"), message)]
    return [*_check_count(spec, trigger), *_check_params(spec.params, flow.params)]


def passed_over(
    instants: Sequence[int], before: Mapping[int, Sequence[Before]], reprocess: Reprocess
) -> dict[int, str]:
    """Give, by number, the instants that get no run because of those they have, and why.

    Args:
        instants: of the Backfill, oldest first.
        before: the runs that instants have, by instant.
        reprocess: what the Backfill says of them.
    """
    found = {}
    for number, second in enumerate(instants):
        if why := _hindrance(before.get(second, ()), reprocess):
            found[number] = why
    return found


def mask_of(numbers: Iterator[int] | Sequence[int]) -> int:
    """Give a set of numbers of instants."""
    mask = 0
    for number in numbers:
        mask |= intervals.span(number, number + 1)
    return mask


def _hindrance(runs: Sequence[Before], reprocess: Reprocess) -> str:
    if not runs or reprocess is Reprocess.ALL:
        return ""
    latest = max(runs, key=_age)
    if reprocess is Reprocess.NONE:
        return f"it has run {latest.name}"
    if not latest.ended:
        return f"its run {latest.name} has not ended"
    return f"its run {latest.name} succeeded" if latest.succeeded else ""


def _age(run: Before) -> tuple[float, bool, str]:
    """Tell which of an instant's runs is the latest; of those of the same second one that did not fail."""
    return run.created, run.succeeded or not run.ended, run.name


def _check_count(spec: BackfillSpec, trigger: Trigger) -> Iterator[Finding]:
    first, last = span_of(spec)
    instants = schedule_of(trigger).after(first - 1)
    count = sum(1 for _ in takewhile(lambda second: second <= last, islice(instants, _MOST_COUNTED + 1)))
    if count > MOST:
        shown = f"more than {_MOST_COUNTED:,}" if count > _MOST_COUNTED else f"{count:,}"
        message = f"from {spec.since} to {spec.until} there are {shown} instants; a Backfill takes at most {MOST:,}"
        yield Finding(("spec", "to"), f"{message}: make several")


def _check_params(given: Mapping[str, Any], declared: Sequence[Param]) -> Iterator[Finding]:
    known = {param.name: param for param in declared}
    for name, value in given.items():
        if name not in known:
            hint = nearest(name, known) or (f"; the Flow has {listed(list(known))}" if known else "; the Flow has none")
            yield Finding(("spec", "params", name), f'unknown param "{name}"{hint}')
        elif problem := problem_of(known[name], normal(value)):
            yield Finding(("spec", "params", name), problem)
