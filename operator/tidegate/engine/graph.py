"""A Flow compiled once: slots, edges, and every expression ready to be evaluated.

`compile_flow` is the one place where a Flow is judged: `validate`, the operator and `explain` all call it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tidegate.api.flow import FlowSpec
from tidegate.api.policies import Retry
from tidegate.api.task import Task
from tidegate.engine import bodies, edges, paramchecks, scopes
from tidegate.engine.expressions import Expression
from tidegate.engine.findings import Finding, Keys, nearest
from tidegate.engine.sharedpods import find_unshared
from tidegate.engine.templating import Compiler, Scope
from tidegate.engine.triggers import check_triggers


@dataclass(frozen=True, slots=True)
class Node:
    """One task: `task` has the Flow's defaults merged in; `inputs` is its compiled body.

    `position` is its place in the order; `reads` are the slots that its expressions name; `retry_when` and `until` are
    those of its policies.
    """

    slot: int
    position: int
    task: Task
    retry: Retry
    needs: tuple[int, ...]
    dependants: tuple[int, ...]
    when: Expression | None
    retry_when: Expression | None
    until: Expression | None
    inputs: Mapping[str, Any]
    reads: frozenset[int]
    in_finally: bool = False

    @property
    def name(self) -> str:
        """The task's name."""
        return self.task.name


@dataclass(frozen=True, slots=True)
class Graph:
    """A compiled Flow; `order` has the slots so that each comes after its needs.

    The slots are those of the tasks, then, from `first_finally`, those of `finally`. `wanted` are the slots whose
    outputs an expression reads.
    """

    spec: FlowSpec
    nodes: tuple[Node, ...]
    slots: Mapping[str, int]
    order: tuple[int, ...]
    first_finally: int
    wanted: frozenset[int]
    defaults: Mapping[str, Any]
    outputs: Mapping[str, Any]
    key: Any
    inline: tuple[int, ...]
    calls: tuple[int, ...]


def compile_flow(spec: FlowSpec) -> tuple[Graph | None, list[Finding]]:
    """Compile a Flow's spec, or give everything that is wrong with it."""
    tasks, places = [*spec.tasks, *spec.finally_], edges.keys_of(spec)
    found = edges.check_names(tasks, places) + edges.check_needs(tasks, places, len(spec.tasks))
    found += paramchecks.check_declarations(spec.params) + _duplicates(spec)
    found += find_unshared(tasks, places) + check_triggers(spec)
    cycle = edges.find_cycle(tasks, places) if not found else None
    found += [cycle] if cycle else []
    needs = _needs(tasks)
    order = edges.topological(needs) if not cycle else []
    compiler = Compiler()
    graph = _assemble(spec, needs, order, compiler)
    ancestors = _visible(needs, order, len(spec.tasks))
    found += compiler.found + _check_references(graph, ancestors, places, compiler)
    return (None if found else graph), found


def _visible(needs: list[list[int]], order: list[int], first_finally: int) -> list[int]:
    """Give for each slot which others its expressions may name: its ancestors; in `finally` also every task."""
    everyone = (1 << first_finally) - 1
    masks = edges.ancestors(needs, order)
    return [mask if slot < first_finally else mask | everyone for slot, mask in enumerate(masks)]


def _duplicates(spec: FlowSpec) -> list[Finding]:
    found = []
    for field, names in (("params", [p.name for p in spec.params]), ("outputs", [o.name for o in spec.outputs])):
        for index, name in enumerate(names):
            if name in names[:index]:
                found.append(Finding(("spec", field, index, "name"), f'"{name}" is named twice'))
    return found


def _needs(tasks: Sequence[Task]) -> list[list[int]]:
    slots = {task.name: slot for slot, task in enumerate(tasks)}
    return [[slots[need] for need in task.needs if need in slots and need != task.name] for task in tasks]


def _assemble(spec: FlowSpec, needs: list[list[int]], order: list[int], compiler: Compiler) -> Graph:
    tasks, places = [*spec.tasks, *spec.finally_], edges.keys_of(spec)
    names = [task.name for task in tasks]
    slots = {name: slot for slot, name in enumerate(names)}
    scope = scopes.of_tasks(spec, names)
    at_the_end = scopes.of_finally(scope)
    defaults = _compile_defaults(spec, compiler)
    dependants, positions = edges.invert(needs), {slot: position for position, slot in enumerate(order)}
    secrets = frozenset(p.name for p in spec.params if p.type == "secret")
    nodes = []
    for slot, task in enumerate(tasks):
        in_finally = slot >= len(spec.tasks)
        before = len(compiler.references)
        compiled = _compile_task(
            bodies.with_defaults(task, spec.task_defaults),
            at_the_end if in_finally else scope,
            places[slot],
            compiler,
            secrets,
        )
        reads = frozenset(
            slots[path[1]]
            for _, path, _, _ in compiler.references[before:]
            if path[0] == "tasks" and len(path) > 1 and path[1] in slots
        )
        node = Node(
            slot=slot,
            position=positions.get(slot, slot),
            needs=tuple(needs[slot]),
            dependants=tuple(dependants[slot]),
            reads=reads,
            in_finally=in_finally,
            **compiled,
        )
        nodes.append(node)
    outputs = {
        output.name: compiler.value(output.value, at_the_end, ("spec", "outputs", index, "value"))
        for index, output in enumerate(spec.outputs)
    }
    key = compiler.value(spec.concurrency.key, scopes.of_params(spec), ("spec", "concurrency", "key"))
    bodies.check_files(spec, compiler)
    bodies.check_defaults(spec.task_defaults, compiler)
    wanted = _wanted(compiler, slots)
    inline = tuple(node.slot for node in nodes if not node.task.is_pod or node.task.for_each is not None)
    calls = tuple(node.slot for node in nodes if node.task.flow is not None)
    return Graph(
        spec, tuple(nodes), slots, tuple(order), len(spec.tasks), wanted, defaults, outputs, key, inline, calls
    )


def _compile_task(task: Task, scope: Scope, keys: Keys, compiler: Compiler, secrets: frozenset[str]) -> dict[str, Any]:
    when = compiler.condition(task.when, scope, (*keys, "when")) if task.when is not None else None
    retry = task.retry or Retry()
    retry_when = None
    if retry.when is not None:
        retry_when = compiler.condition(retry.when, scopes.RETRY, (*keys, "retry", "when"))
    until = None
    if task.repeat is not None:
        own = scopes.with_names(scope, outputs="dyn")
        until = compiler.condition(task.repeat.until, own, (*keys, "repeat", "until"))
    inputs = bodies.compile_body(task, scope, keys, compiler, secrets)
    return {
        "task": task,
        "retry": retry,
        "when": when,
        "retry_when": retry_when,
        "until": until,
        "inputs": inputs,
    }


def _compile_defaults(spec: FlowSpec, compiler: Compiler) -> dict[str, Any]:
    return {
        param.name: compiler.value(param.default, scopes.DEFAULTS, ("spec", "params", index, "default"))
        for index, param in enumerate(spec.params)
    }


def _wanted(compiler: Compiler, slots: Mapping[str, int]) -> frozenset[int]:
    wanted: set[int] = set()
    for _, path, _, _ in compiler.references:
        if path[0] != "tasks":
            continue
        if len(path) == 1 or path[1] == "*":
            return frozenset(slots.values())
        if path[1] in slots and (len(path) == 2 or path[2] in ("outputs", "*")):
            wanted.add(slots[path[1]])
    return frozenset(wanted)


def _check_references(
    graph: Graph, visible: Sequence[int], places: Sequence[Keys], compiler: Compiler
) -> list[Finding]:
    readers = {place: slot for slot, place in enumerate(places)}
    found = []
    for keys, path, line, column in compiler.references:
        if path[0] != "tasks" or len(path) < 2 or path[1] == "*":
            continue
        message = _reference_problem(graph, visible, readers.get(keys[:3]), path[1])
        if message:
            found.append(Finding(keys, message, line, column))
    return found


def _reference_problem(graph: Graph, visible: Sequence[int], reader: int | None, name: str) -> str:
    slot = graph.slots.get(name)
    if slot is None:
        return f'there is no task "{name}"{nearest(name, graph.slots)}'
    if reader is None:
        return ""
    if slot == reader:
        return f'"{name}" cannot read its own outputs'
    if not visible[reader] >> slot & 1:
        return (
            f'"{name}" is not among the ancestors of "{graph.nodes[reader].name}": '
            f'it may not have ended yet; add "{name}" to needs'
        )
    return ""
