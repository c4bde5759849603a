"""What a Backfill would do with each of its instants, as a table or as JSON."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tidegate.api.backfill import BackfillSpec, Order
from tidegate.api.conditions import timestamp
from tidegate.api.flow import FlowSpec
from tidegate.engine import backfill as rules
from tidegate.engine.backfilling import counted
from tidegate.engine.localtime import utc
from tidegate.engine.schedules import Schedule, schedule_of
from tidegate.engine.triggers import Compiled, compile_trigger, occasion_of, start_of
from tidegate.errors import ExpressionError
from tidegate.kube.client import Client, Object
from tidegate.kube.pastruns import runs_before
from tidegate.kube.store import Store


@dataclass(frozen=True, slots=True)
class Row:
    """An instant, and what becomes of it: `Run`, `Skip` or `Fail`, and why; what its run gets."""

    second: int
    schedule: Schedule
    what: str
    why: str = ""
    params: Mapping[str, Any] | None = None


async def rows(client: Client, flow: Object, spec: BackfillSpec) -> list[Row]:
    """Give them in the Backfill's order; it is one that `check` finds nothing wrong with."""
    trigger = rules.trigger_of(spec, FlowSpec.model_validate(flow["spec"], extra="ignore"))
    if trigger is None:
        return []
    schedule = schedule_of(trigger)
    instants = rules.instants_of(schedule, spec)
    before = await runs_before(client, Store(), flow["metadata"]["namespace"], spec)
    passed = rules.passed_over(instants, before, spec.reprocess)
    own = {name: value for name, value in trigger.params.items() if name not in spec.params}
    compiled = compile_trigger(trigger.model_copy(update={"params": own}))
    found = [
        Row(second, schedule, "Skip", passed[number])
        if number in passed
        else _row(flow, spec, compiled, Row(second, schedule, "Run"))
        for number, second in enumerate(instants)
    ]
    return found if spec.order is Order.OLDEST_FIRST else found[::-1]


def _row(flow: Object, spec: BackfillSpec, compiled: Compiled, row: Row) -> Row:
    occasion = occasion_of(compiled.trigger, row.schedule, row.second)
    meta = flow["metadata"]
    about = {"name": meta["name"], "namespace": meta["namespace"], "flow": meta["name"]}
    try:
        start = start_of(compiled, occasion, about)
    except ExpressionError as error:
        return replace(row, what="Fail", why=str(error))
    if start is None:
        return replace(row, what="Skip", why="when is false")
    return replace(row, params={**start.params, **spec.params})


def as_text(found: Sequence[Row]) -> str:
    """Give a table, and a sentence that sums it up."""
    table = [("LOCAL TIME", "ZONE", "UTC", "WHAT", "WHY"), *map(_cells, found)]
    widths = [max(len(cells[column]) for cells in table) for column in range(5)]
    lines = ["   ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)) for cells in table]
    counts = [f"{sum(row.what == what for row in found)} {what}" for what in ("Run", "Skip", "Fail")]
    told = f"{counted(len(found))}: {', '.join(counts)}"
    return "\n".join([*(line.rstrip() for line in lines), told])


def as_json(found: Sequence[Row]) -> str:
    """Give a list of objects."""
    return json.dumps([_plain(row) for row in found], indent=2, ensure_ascii=False)


def _cells(row: Row) -> tuple[str, ...]:
    zone = row.schedule.zone
    local = utc(row.second).astimezone(zone).strftime("%a %Y-%m-%d %H:%M:%S %z")
    return local, zone.key, timestamp(row.second), row.what, row.why


def _plain(row: Row) -> dict[str, Any]:
    local = utc(row.second).astimezone(row.schedule.zone).isoformat()
    some = {"why": row.why or None, "params": None if row.params is None else dict(row.params)}
    kept = {key: value for key, value in some.items() if value is not None}
    return {"time": timestamp(row.second), "local": local, "what": row.what, **kept}
