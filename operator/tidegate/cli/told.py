"""A run that was played through, as people and programs read it."""

import json
import math
from collections.abc import Iterator, Sequence
from typing import Any

from tidegate.cli.assuming import works
from tidegate.engine.assumed import SECONDS, Assumed, limit_of
from tidegate.engine.graph import Graph, Node
from tidegate.engine.rehearsal import Rehearsal, Told
from tidegate.engine.reuse import REASON, Wanted
from tidegate.logs import clean

_UNITS = ((3600, "h"), (60, "m"))


def as_text(graph: Graph, rehearsal: Rehearsal, assumed: Assumed, *, is_rerun: bool = False) -> Iterator[str]:
    """Give the lines: a table with a row for each task, how the run ends, and what was merely assumed."""
    head: tuple[str, ...] = ("TASK", "WHAT BECOMES OF IT", "BEGINS", "ENDS", "WHY")
    rows = [_row(graph, one) for one in rehearsal.tasks]
    if is_rerun:
        again = [_again(one) for one in rehearsal.tasks]
        head = ("TASK", "DONE AGAIN?", *head[1:])
        rows = [(row[0], said, *row[1:]) for row, said in zip(rows, again, strict=True)]
    yield from _table([head, *rows])
    yield ""
    yield clean(_end(rehearsal, "rerun" if is_rerun else "run"))
    if rehearsal.outcome is not None and rehearsal.outcome.outputs:
        yield f"Its outputs: {clean(json.dumps(rehearsal.outcome.outputs, ensure_ascii=False))}"
    yield from _unknown(graph, rehearsal, assumed)
    yield from _guesses(graph, rehearsal, assumed)


def as_json(rehearsal: Rehearsal) -> dict[str, Any]:
    """Give the same for programs."""
    outcome = rehearsal.outcome
    end = {"succeeded": outcome.succeeded, "reason": outcome.reason, "message": outcome.message} if outcome else None
    return {
        "tasks": [_task(one) for one in rehearsal.tasks],
        "outcome": end,
        "outputs": outcome.outputs if outcome else {},
        "why": rehearsal.why,
        "seconds": rehearsal.seconds if outcome else None,
        "assumedSeconds": rehearsal.guess,
    }


def rerun_as_json(rehearsal: Rehearsal, wanted: Wanted) -> dict[str, Any]:
    """Give a rerun for programs: of each task also whether it is taken over, and if not why."""
    told = as_json(rehearsal)
    again = [{"reused": not one.again, "againBecause": one.again} for one in rehearsal.tasks]
    tasks = [{**task, **more} for task, more in zip(told["tasks"], again, strict=True)]
    return {"mode": wanted.mode, "from": list(wanted.tasks), **told, "tasks": tasks}


def mode(wanted: Wanted) -> str:
    """Say what a rerun does again."""
    if wanted.mode == "From":
        return f"from {' and '.join(wanted.tasks)}, and what did not succeed"
    return "of everything" if wanted.mode == "All" else "of what did not succeed"


def duration(seconds: float) -> str:
    """Write seconds as `--duration` takes them: 90 is `1m30s`."""
    parts, left = [], seconds
    for size, unit in _UNITS:
        count, left = divmod(left, size)
        parts += [f"{count:.0f}{unit}"] if count else []
    return "".join([*parts, f"{round(left, 3):g}s"] if left or not parts else parts)


def _table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Align all columns but the last, which may be long."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]) - 1)]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, (*widths, 0), strict=True)]
        yield clean("  ".join(cells).rstrip())


def _row(graph: Graph, told: Told) -> tuple[str, ...]:
    return told.task, _becomes(told), _clock(told.began), _clock(told.ended), _why(graph, told)


def _task(told: Told) -> dict[str, Any]:
    return {
        "name": told.task,
        "state": told.state,
        "attempts": told.attempts,
        "beginsSeconds": told.began,
        "endsSeconds": told.ended,
        "reason": told.reason,
        "message": told.message,
    }


def _becomes(told: Told) -> str:
    return f"{told.state} after {told.attempts} attempts" if told.attempts > 1 else told.state


def _clock(seconds: float | None) -> str:
    return "" if seconds is None else f"+{duration(seconds)}"


def _again(told: Told) -> str:
    if told.again:
        return f"yes: {told.again}"
    return "no: it was skipped, and would be again" if told.state == "Skipped" else "no: its result is reused"


def _why(graph: Graph, told: Told) -> str:
    node = graph.nodes[graph.slots[told.task]]
    if told.reason == REASON:
        return ""
    if told.reason:
        return f"{told.reason}: {told.message}".rstrip(": ")
    if not node.needs:
        return "finally: all tasks have ended" if node.in_finally else "needs nothing"
    names = ", ".join(graph.nodes[need].name for need in node.needs[:5])
    more = f" and {len(node.needs) - 5} more" if len(node.needs) > 5 else ""
    return f"{node.task.run_when} of {names}{more}"


def _end(rehearsal: Rehearsal, what: str) -> str:
    if rehearsal.outcome is None:
        return f"The {what} would wait: {rehearsal.why}"
    outcome = rehearsal.outcome
    word = "succeed" if outcome.succeeded else "fail"
    when = f"after {duration(rehearsal.seconds)}" if rehearsal.seconds else "at once"
    return f"The {what} would {word} {when}: {outcome.reason}: {outcome.message}"


def _unknown(graph: Graph, rehearsal: Rehearsal, assumed: Assumed) -> Iterator[str]:
    """Say which outputs would have to be given for what failed without them."""
    lacking = {slot for told in rehearsal.tasks for slot in _lacking(graph, told)}
    if rehearsal.outcome is not None and rehearsal.outcome.reason == "OutputFailed":
        lacking |= graph.wanted
    wrote = {slot for slot in lacking if rehearsal.tasks[slot].state in ("Succeeded", "Failed")}
    nodes = [graph.nodes[slot] for slot in sorted(wrote)]
    unknown = [node for node in nodes if works(node) and node.name not in assumed.outputs]
    if unknown:
        names = ", ".join(node.name for node in unknown)
        yield f"Outputs of {names} are not known here: give --output {unknown[0].name}.{_key(unknown[0])}=VALUE"


def _lacking(graph: Graph, told: Told) -> frozenset[int]:
    """Give the tasks whose outputs a task reads that failed over that; it may be itself."""
    node = graph.nodes[graph.slots[told.task]]
    own = frozenset({node.slot})
    if told.reason == "OutputInvalid":
        return own
    if told.reason != "ExpressionFailed":
        return frozenset()
    return (node.reads & graph.wanted) | (own if node.until is not None else frozenset())


def _key(node: Node) -> str:
    return node.task.outputs[0].name if node.task.outputs else "KEY"


def _guesses(graph: Graph, rehearsal: Rehearsal, assumed: Assumed) -> Iterator[str]:
    """Say how long things were assumed to take of which nobody said it."""
    if rehearsal.guess is None:
        return
    takes = f"takes {duration(rehearsal.guess)}" if rehearsal.guess else "takes no time"
    told = f"Assumed: what has no --duration {takes}"
    deadline = graph.spec.deadline_seconds
    if rehearsal.is_late:
        yield f"{told}, and still the run does not keep its deadline"
    elif rehearsal.guess < SECONDS and deadline is not None:
        yield f"{told}, so that the run can keep its deadline of {duration(deadline)}"
    else:
        guessed = (node for node in graph.nodes if node.name not in assumed.durations)
        is_cut = any((limit_of(node) or math.inf) < rehearsal.guess for node in guessed)
        yield f"{told}{', or as much as its own timeout allows' if is_cut else ''}"
