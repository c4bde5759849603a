"""What a task may not say when its items share Indexed Jobs: one pod template, and Kubernetes' own repetitions."""

from collections.abc import Iterable

from tidegate.api.policies import Retry, Strategy
from tidegate.api.task import Task
from tidegate.engine.findings import Finding, Keys
from tidegate.engine.templating import Compiler

HONOURED = ("limit", "except_exit_codes", "max_disruptions")
"""What of `retry` an Indexed Job can do."""

_OWN = ("item", "index")
_FILES = {"item": "$TIDEGATE_ITEM", "index": "$TIDEGATE_INDEX"}


def shares_pods(task: Task) -> bool:
    """Whether the task's items share Indexed Jobs."""
    return task.is_pod and task.for_each is not None and task.for_each.strategy is Strategy.INDEXED


def without_more(retry: Retry) -> Retry:
    """Give of a default what an Indexed Job can do."""
    return Retry.model_validate({name: getattr(retry, name) for name in HONOURED}, by_name=True)


def find_unshared(tasks: Iterable[Task], places: Iterable[Keys]) -> list[Finding]:
    """Find what tasks say of `retry` and `cache` that their Indexed Jobs cannot do."""
    found = []
    for task, place in zip(tasks, places, strict=True):
        if not shares_pods(task):
            continue
        if task.cache is not None:
            found.append(Finding((*place, "cache"), "is not for items that share Jobs: use strategy: Jobs"))
        for name in sorted(task.retry.model_fields_set - set(HONOURED)) if task.retry else ():
            field = Retry.model_fields[name].alias or name
            message = "is not for items that share Jobs, which Kubernetes repeats: leave it out, or use strategy: Jobs"
            found.append(Finding((*place, "retry", field), message))
    return found


def refuse_items(compiler: Compiler, since: int) -> None:
    """Find where a template that all items share mentions one of them, among the references from `since` on."""
    for keys, path, line, column in compiler.references[since:]:
        if path[0] in _OWN:
            message = f"{path[0]} is not known here: all items share one pod template"
            advice = f"read it from the file {_FILES[path[0]]}, or use strategy: Jobs"
            compiler.found.append(Finding(keys, f"{message}; {advice}", line, column))
