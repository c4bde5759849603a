"""A Flow compiled once: slots, edges, and every expression ready to be evaluated.

`compile_flow` is the one place where a Flow is judged: `validate`, the operator and `explain` all call it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tidegate.api.flow import FlowSpec
from tidegate.api.task import Retry, Task
from tidegate.engine import bodies, edges, params
from tidegate.engine.expressions import Expression, Fields, Members, NameType
from tidegate.engine.findings import Finding, Keys, nearest
from tidegate.engine.templating import Compiler, Scope

RUN = Fields(
    {
        "name": "string",
        "uid": "string",
        "namespace": "string",
        "flow": "string",
        "revision": "string",
        "scheduledTime": "timestamp",
        "timeZone": "string",
        "date": "string",
        "time": "string",
    }
)
TASK = Fields({"state": "string", "outputs": "dyn", "attempts": "int"})


@dataclass(frozen=True, slots=True)
class Node:
    """One task: `task` has the Flow's defaults merged in; `inputs` is its compiled body."""

    slot: int
    task: Task
    retry: Retry
    needs: tuple[int, ...]
    dependants: tuple[int, ...]
    when: Expression | None
    inputs: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The task's name."""
        return self.task.name


@dataclass(frozen=True, slots=True)
class Graph:
    """A compiled Flow; `order` has the slots so that each comes after its needs.

    `wanted` are the slots whose outputs an expression reads.
    """

    spec: FlowSpec
    nodes: tuple[Node, ...]
    slots: Mapping[str, int]
    order: tuple[int, ...]
    wanted: frozenset[int]
    defaults: Mapping[str, Any]
    outputs: Mapping[str, Any]


def compile_flow(spec: FlowSpec) -> tuple[Graph | None, list[Finding]]:
    """Compile a Flow's spec, or give everything that is wrong with it."""
    found = edges.check_names(spec.tasks) + edges.check_needs(spec.tasks) + params.check_declarations(spec.params)
    found += _duplicates(spec)
    cycle = edges.find_cycle(spec.tasks) if not found else None
    found += [cycle] if cycle else []
    needs = _needs(spec.tasks)
    order = edges.topological(needs) if not cycle else []
    compiler = Compiler()
    graph = _assemble(spec, needs, order, compiler)
    found += compiler.found + _check_references(spec, graph, edges.ancestors(needs, order), compiler)
    return (None if found else graph), found


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
    names: dict[str, NameType] = {"params": Fields(params.name_types(spec.params)), "run": RUN, "tasks": Members(TASK)}
    task_names = [task.name for task in spec.tasks]
    scope = Scope(names, task_names)
    defaults = _compile_defaults(spec, compiler)
    dependants = edges.invert(needs)
    secrets = frozenset(p.name for p in spec.params if p.type == "secret")
    nodes = []
    for slot, task in enumerate(spec.tasks):
        keys: Keys = ("spec", "tasks", slot)
        when = compiler.condition(task.when, scope, (*keys, "when")) if task.when is not None else None
        merged = bodies.with_defaults(task, spec.task_defaults)
        inputs = bodies.compile_body(merged, scope, keys, compiler, secrets)
        retry = merged.retry or Retry()
        nodes.append(Node(slot, merged, retry, tuple(needs[slot]), tuple(dependants[slot]), when, inputs))
    outputs = {
        output.name: compiler.value(output.value, scope, ("spec", "outputs", index, "value"))
        for index, output in enumerate(spec.outputs)
    }
    bodies.check_files(spec, compiler)
    slots = {name: slot for slot, name in enumerate(task_names)}
    return Graph(spec, tuple(nodes), slots, tuple(order), _wanted(compiler, slots), defaults, outputs)


def _compile_defaults(spec: FlowSpec, compiler: Compiler) -> dict[str, Any]:
    scope = Scope({"run": RUN})
    return {
        param.name: compiler.value(param.default, scope, ("spec", "params", index, "default"))
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


def _check_references(spec: FlowSpec, graph: Graph, ancestors: Sequence[int], compiler: Compiler) -> list[Finding]:
    found = []
    for keys, path, line, column in compiler.references:
        if path[0] != "tasks" or len(path) < 2 or path[1] == "*":
            continue
        message = _reference_problem(spec, graph, ancestors, keys, path[1])
        if message:
            found.append(Finding(keys, message, line, column))
    return found


def _reference_problem(spec: FlowSpec, graph: Graph, ancestors: Sequence[int], keys: Keys, name: str) -> str:
    slot = graph.slots.get(name)
    if slot is None:
        return f'there is no task "{name}"{nearest(name, graph.slots)}'
    if keys[1] != "tasks":
        return ""
    reader = int(keys[2])
    if slot == reader:
        return f'"{name}" cannot read its own outputs'
    if not ancestors[reader] >> slot & 1:
        return (
            f'"{name}" is not among the ancestors of "{spec.tasks[reader].name}": '
            f'it may not have ended yet; add "{name}" to needs'
        )
    return ""
