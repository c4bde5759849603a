"""`tidegate schedule`: when the triggers of Flows would start runs. No cluster is asked, nothing is started."""

import heapq
import json
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from zoneinfo import ZoneInfo

import click

from tidegate.api.conditions import timestamp
from tidegate.api.flow import Flow
from tidegate.api.triggers import Trigger
from tidegate.cli import manifests, sources
from tidegate.cli.moments import moment
from tidegate.engine.cron import ScheduleError
from tidegate.engine.localtime import utc
from tidegate.engine.schedules import Schedule, before, schedule_of, zone_of
from tidegate.errors import UsageError


@dataclass(frozen=True, slots=True)
class Planned:
    """A trigger of a Flow with its schedule."""

    flow: str
    trigger: Trigger
    schedule: Schedule
    suspended: bool


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--next", "count", type=click.IntRange(1, 10_000), default=10, show_default=True, help="How many times.")
@click.option("--zone", help="Show local times of this zone; by default each in its trigger's.")
@click.option("--from", "start", metavar="TIME", help="Begin here, such as 2026-03-28T00:00:00Z; by default now.")
@click.option("--trigger", "names", multiple=True, metavar="NAME", help="Only triggers of this name.")
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", help="Form of what is printed.")
def command(
    *, files: tuple[str, ...], count: int, zone: str | None, start: str | None, names: tuple[str, ...], output: str
) -> None:
    """Say when the schedules in manifests are due next, earliest first, clock changes included.

    Exit code 2 for a mistake in what was given, or when there is no schedule.
    """
    judgement = manifests.judge(sources.read(files))
    judgement.demand_valid()
    planned = _planned(judgement.flows.values(), names)
    shown_in, begin = _zone(zone), _begin(start)
    rows = list(islice(_merged(planned, begin), count))
    if output == "json":
        click.echo(json.dumps([_plain(second, one) for second, one in rows], indent=2))
        return
    for line in _table([_row(second, one, shown_in) for second, one in rows]):
        click.echo(line)
    for one in planned:
        if one.suspended:
            click.echo(
                f"suspended: trigger {one.trigger.name} of Flow {one.flow} starts nothing at these times", err=True
            )


def _planned(flows: Iterable[Flow], names: Sequence[str]) -> list[Planned]:
    found = [
        Planned(flow.metadata.name, trigger, schedule_of(trigger), flow.spec.suspend or trigger.suspend)
        for flow in flows
        for trigger in flow.spec.triggers
        if trigger.is_scheduled and (not names or trigger.name in names)
    ]
    if not found:
        of_names = f" named {', '.join(names)}" if names else ""
        wanted = "a Flow with a cron or an interval in spec.triggers"
        raise UsageError(f"there is no schedule{of_names} in what was given: expected {wanted}")
    return found


def _zone(name: str | None) -> ZoneInfo | None:
    try:
        return None if name is None else zone_of(name)
    except ScheduleError as error:
        raise UsageError(f"--zone: {error}") from None


def _begin(text: str | None) -> int:
    return int(time.time()) if text is None else moment("--from", text) - 1


def _merged(planned: Sequence[Planned], begin: int) -> Iterator[tuple[int, Planned]]:
    each = [_placed(one.schedule.after(begin), place) for place, one in enumerate(planned)]
    return ((second, planned[place]) for second, place in heapq.merge(*each))


def _placed(seconds: Iterator[int], place: int) -> Iterator[tuple[int, int]]:
    return ((second, place) for second in seconds)


def _row(second: int, one: Planned, zone: ZoneInfo | None) -> tuple[str, ...]:
    local = utc(second).astimezone(zone or one.schedule.zone)
    name = local.tzinfo.key if isinstance(local.tzinfo, ZoneInfo) else "UTC"
    return local.strftime("%a %Y-%m-%d %H:%M:%S %z"), name, timestamp(second), one.flow, one.trigger.name


def _plain(second: int, one: Planned) -> dict[str, str]:
    start = before(one.schedule, second)
    return {
        "time": timestamp(second),
        "local": utc(second).astimezone(one.schedule.zone).isoformat(),
        "timeZone": one.schedule.zone.key,
        "intervalStart": timestamp(second if start is None else start),
        "flow": one.flow,
        "trigger": one.trigger.name,
    }


def _table(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    table = [("LOCAL TIME", "ZONE", "UTC", "FLOW", "TRIGGER"), *rows]
    widths = [max(len(row[column]) for row in table) for column in range(5)]
    for row in table:
        yield "   ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
