"""The edges of a Flow: unknown needs, names that collide, cycles with their path, ancestors."""

from collections.abc import Mapping, Sequence

from tidegate.api.flow import FlowSpec
from tidegate.api.task import Task
from tidegate.engine.findings import Finding, Keys, nearest
from tidegate.engine.rules import NEED_A_NEED


def canonical(name: str) -> str:
    """Give a name as it appears in a Job's name; two tasks that become equal there are refused."""
    return name.lower().replace("_", "-")


def keys_of(spec: FlowSpec) -> list[Keys]:
    """Give where each slot's task stands in the manifest: the tasks, then `finally`."""
    tasks: list[Keys] = [("spec", "tasks", index) for index in range(len(spec.tasks))]
    return tasks + [("spec", "finally", index) for index in range(len(spec.finally_))]


def check_names(tasks: Sequence[Task], places: Sequence[Keys]) -> list[Finding]:
    """Find tasks of the same name, or of names that a Job's name cannot tell apart."""
    first: dict[str, int] = {}
    found = []
    for index, task in enumerate(tasks):
        before = first.setdefault(canonical(task.name), index)
        if before != index:
            other, (*_, field, place) = tasks[before].name, places[before]
            same = "is the name of another task too" if other == task.name else f'cannot be told from "{other}"'
            detail = "" if other == task.name else ": Jobs are named in lower case with _ as -"
            message = f'"{task.name}" {same} (spec.{field}[{place}]){detail}'
            found.append(Finding((*places[index], "name"), message))
    return found


def check_needs(tasks: Sequence[Task], places: Sequence[Keys], first_finally: int) -> list[Finding]:
    """Find needs that name nothing, themselves, one task twice, or what runs only when all else has ended."""
    slots = {task.name: slot for slot, task in enumerate(tasks)}
    found = []
    for index, task in enumerate(tasks):
        for place in range(len(task.needs)):
            problem = _need_problem(task, place, slots, in_tasks=index < first_finally, first_finally=first_finally)
            found += [Finding((*places[index], "needs", place), problem)] if problem else []
        if task.run_when in NEED_A_NEED and not task.needs:
            message = f"{task.run_when} never holds without needs: name the tasks it looks at in needs"
            found.append(Finding((*places[index], "runWhen"), message))
    return found


def _need_problem(task: Task, place: int, slots: Mapping[str, int], *, in_tasks: bool, first_finally: int) -> str:
    need = task.needs[place]
    if need == task.name:
        return f'"{need}" needs itself'
    if need not in slots:
        return f'there is no task "{need}"{nearest(need, slots)}'
    if need in task.needs[:place]:
        return f'"{need}" is named twice'
    if in_tasks and slots[need] >= first_finally:
        return f'"{need}" is in finally, which begins when all tasks have ended: no task can wait for it'
    return ""


def find_cycle(tasks: Sequence[Task], places: Sequence[Keys]) -> Finding | None:
    """Find one cycle of needs and tell its path; expects that all needs exist."""
    needs = {task.name: task.needs for task in tasks}
    order, state = list(needs), dict.fromkeys(needs, 0)
    for root in order:
        path = _walk(root, needs, state)
        if path:
            index = order.index(path[0])
            return Finding((*places[index], "needs"), f"the needs form a cycle: {' -> '.join(path)}")
    return None


def _walk(root: str, needs: dict[str, list[str]], state: dict[str, int]) -> list[str]:
    """Search depth first without recursion, for chains may have thousands of tasks; give a cycle's path or nothing."""
    if state[root]:
        return []
    path, iterators = [root], [iter(needs[root])]
    state[root] = 1
    while iterators:
        following = next(iterators[-1], None)
        if following is None:
            iterators.pop()
            state[path.pop()] = 2
        elif state[following] == 1:
            return [*path[path.index(following) :], following]
        elif state[following] == 0:
            state[following] = 1
            path.append(following)
            iterators.append(iter(needs[following]))
    return []


def topological(needs: Sequence[Sequence[int]]) -> list[int]:
    """Give slots so that each comes after its needs; among equals in the Flow's order. Expects no cycle."""
    dependants = invert(needs)
    waiting = [len(row) for row in needs]
    ready = [slot for slot, count in enumerate(waiting) if not count]
    for slot in ready:
        for dependant in dependants[slot]:
            waiting[dependant] -= 1
            if not waiting[dependant]:
                ready.append(dependant)
    return ready


def invert(needs: Sequence[Sequence[int]]) -> list[list[int]]:
    """Give the dependants of each slot from the needs of each."""
    dependants: list[list[int]] = [[] for _ in needs]
    for slot, row in enumerate(needs):
        for need in row:
            dependants[need].append(slot)
    return dependants


def ancestors(needs: Sequence[Sequence[int]], order: Sequence[int]) -> list[int]:
    """Give for each slot the set of its ancestors as a bit mask."""
    masks = [0] * len(needs)
    for slot in order:
        for need in needs[slot]:
            masks[slot] |= masks[need] | 1 << need
    return masks
