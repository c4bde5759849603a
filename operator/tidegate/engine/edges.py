"""The edges of a Flow: unknown needs, names that collide, cycles with their path, ancestors."""

from collections.abc import Sequence

from tidegate.api.task import Task
from tidegate.engine.findings import Finding, nearest


def canonical(name: str) -> str:
    """Give a name as it appears in a Job's name; two tasks that become equal there are refused."""
    return name.lower().replace("_", "-")


def check_names(tasks: Sequence[Task]) -> list[Finding]:
    """Find tasks of the same name, or of names that a Job's name cannot tell apart."""
    first: dict[str, int] = {}
    found = []
    for index, task in enumerate(tasks):
        before = first.setdefault(canonical(task.name), index)
        if before != index:
            other = tasks[before].name
            same = "is the name of another task too" if other == task.name else f'cannot be told from "{other}"'
            detail = "" if other == task.name else ": Jobs are named in lower case with _ as -"
            keys = ("spec", "tasks", index, "name")
            found.append(Finding(keys, f'"{task.name}" {same} (spec.tasks[{before}]){detail}'))
    return found


def check_needs(tasks: Sequence[Task]) -> list[Finding]:
    """Find needs that name nothing, themselves, or one task twice."""
    names = {task.name for task in tasks}
    found = []
    for index, task in enumerate(tasks):
        for place, need in enumerate(task.needs):
            keys = ("spec", "tasks", index, "needs", place)
            if need == task.name:
                found.append(Finding(keys, f'"{need}" needs itself'))
            elif need not in names:
                found.append(Finding(keys, f'there is no task "{need}"{nearest(need, names)}'))
            elif need in task.needs[:place]:
                found.append(Finding(keys, f'"{need}" is named twice'))
    return found


def find_cycle(tasks: Sequence[Task]) -> Finding | None:
    """Find one cycle of needs and tell its path; expects that all needs exist."""
    needs = {task.name: task.needs for task in tasks}
    order, state = list(needs), dict.fromkeys(needs, 0)
    for root in order:
        path = _walk(root, needs, state)
        if path:
            index = order.index(path[0])
            return Finding(("spec", "tasks", index, "needs"), f"the needs form a cycle: {' -> '.join(path)}")
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
