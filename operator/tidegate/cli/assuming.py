"""What people assume of a run on the command line: `--outcome`, `--output`, `--duration`, and what a rerun is to do."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from tidegate.cli.parameters import guessed
from tidegate.engine import blocks
from tidegate.engine.assumed import Assumed
from tidegate.engine.expressions import parse_duration
from tidegate.engine.findings import nearest
from tidegate.engine.graph import Graph, Node
from tidegate.engine.rehearsal import Rehearsal
from tidegate.engine.reuse import Wanted, problem_of
from tidegate.errors import UsageError

OUTCOMES = ("Succeeded", "Failed")
DECISIONS = ("Approved", "Rejected", "TimedOut")
MEETINGS = ("Met", "TimedOut")
MODES = ("Failed", "All", "From")

_LONGEST = 365 * 86_400


@dataclass(frozen=True, slots=True)
class Given:
    """The texts of the options that say what is assumed; `prefix` is what the options' names begin with."""

    outcomes: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    durations: tuple[str, ...] = ()
    prefix: str = "--"

    def option(self, name: str) -> str:
        """Name an option as people write it."""
        return f"{self.prefix}{name}"


def assumed(graph: Graph, given: Given) -> Assumed:
    """Read what is assumed.

    Raises:
        UsageError: there is no such task, or it cannot be so.
    """
    outcomes = _outcomes(graph, given)
    return Assumed(
        failed=frozenset(name for name, outcome in outcomes.items() if outcome in ("Failed", "Rejected")),
        spared=frozenset(name for name, outcome in outcomes.items() if outcome == "Succeeded"),
        undecided=frozenset(name for name, outcome in outcomes.items() if outcome == "TimedOut"),
        outputs=_outputs(graph, given),
        durations=_durations(graph, given),
    )


def assumed_then(graph: Graph, first: Assumed, given: Given) -> Assumed:
    """Read what is assumed of a rerun: nothing fails, outputs and durations are those of the first run, unless told."""
    then = assumed(graph, given)
    outputs = {task: {**first.outputs.get(task, {}), **values} for task, values in then.outputs.items()}
    return replace(then, outputs={**first.outputs, **outputs}, durations={**first.durations, **then.durations})


def wanted(graph: Graph, text: str, of: str) -> Wanted:
    """Read `--rerun`: Failed, All, or From:TASK,...

    Raises:
        UsageError: it is none of these, or there is no such task.
    """
    mode, colon, names = text.partition(":")
    if mode not in MODES or bool(colon) != (mode == "From"):
        raise UsageError(f'--rerun: got "{text}"; expected Failed, All, or From:TASK (several with commas)')
    found = Wanted(of, mode, tuple(name for name in names.split(",") if name))
    problem = problem_of(graph, found)
    if problem:
        raise UsageError(f"--rerun: {problem}")
    return found


def works(node: Node) -> bool:
    """Whether what becomes of the task, and what it writes, is not known here."""
    return node.task.is_pod or node.task.flow is not None


def demand_items(given: Given, rehearsal: Rehearsal) -> None:
    """See that items of which something is assumed are there, where the list of items came to be known.

    Raises:
        UsageError: the list is shorter.
    """
    for text in given.outcomes:
        name = text.partition("=")[0]
        task, bracket, item = name.partition("[")
        block = blocks.block_of(rehearsal.state.ledger, task)
        if bracket and block is not None and (_item(item) or 0) >= block.total:
            last = f"{task}[{block.total - 1}]"
            raise UsageError(f"{given.option('outcome')} {name}: there is no such item; the last is {last}")


def _outcomes(graph: Graph, given: Given) -> dict[str, str]:
    option, found = given.option("outcome"), {}
    for name, outcome in _by_name(given.outcomes, option, "TASK=OUTCOME").items():
        task, bracket, item = name.partition("[")
        node = _task(graph, task, option)
        known = _known_outcomes(node)
        if not known:
            raise UsageError(f"{option} {name}: it has no container; what becomes of it is computed")
        if outcome not in known:
            raise UsageError(f'{option} {name}: got "{outcome}"; expected {" or ".join(known)}')
        if bracket and node.task.for_each is None:
            raise UsageError(f"{option} {name}: task {task} has no forEach, and so no items")
        if bracket and _item(item) is None:
            raise UsageError(f"{option} {name}: expected the number of an item, such as {task}[0]")
        found[f"{task}[{_item(item)}]" if bracket else task] = outcome
    return found


def _known_outcomes(node: Node) -> tuple[str, ...]:
    """Give what may be assumed of a task; nothing of one that is computed."""
    if node.task.approval is not None:
        return DECISIONS
    if node.task.wait is not None and node.task.wait.for_ is not None:
        return MEETINGS
    return OUTCOMES if works(node) else ()


def _outputs(graph: Graph, given: Given) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for text in given.outputs:
        place, equals, value = text.partition("=")
        task, dot, key = place.partition(".")
        if not (equals and dot and key):
            raise UsageError(f"{given.option('output')} {text!r}: expected TASK.KEY=VALUE")
        _task(graph, task, given.option("output"))
        found.setdefault(task, {})[key] = guessed(value)
    return found


def _durations(graph: Graph, given: Given) -> dict[str, float]:
    option, found = given.option("duration"), {}
    for name, text in _by_name(given.durations, option, "TASK=SECONDS").items():
        if not _known_outcomes(_task(graph, name, option)):
            raise UsageError(f"{option} {name}: it has no container; how long it takes is in the Flow")
        found[name] = _seconds(text, f"{option} {name}")
    return found


def _seconds(text: str, place: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        try:
            seconds = parse_duration(text).total_seconds()
        except ValueError:
            seconds = math.nan
    if not 0 <= seconds <= _LONGEST:
        raise UsageError(f'{place}: got "{text}"; expected seconds, or such as 90s, 5m, 1h30m, up to a year')
    return seconds


def _by_name(texts: Iterable[str], option: str, form: str) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not (name and equals and value):
            raise UsageError(f"{option} {text!r}: expected {form}")
        if name in found:
            raise UsageError(f"{option} {name}: given twice")
        found[name] = value
    return found


def _item(text: str) -> int | None:
    """Read the number of an item in brackets."""
    return int(text[:-1]) if text.endswith("]") and text[:-1].isdecimal() else None


def _task(graph: Graph, task: str, option: str) -> Node:
    if task not in graph.slots:
        raise UsageError(f'{option}: there is no task "{task}"{nearest(task, graph.slots)}')
    return graph.nodes[graph.slots[task]]
