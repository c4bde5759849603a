"""Which Flow of some manifests is run."""

from collections.abc import Mapping
from typing import NamedTuple

from tidegate.api.flow import Flow
from tidegate.engine.findings import nearest
from tidegate.errors import UsageError


class Chosen(NamedTuple):
    """A Flow and the namespace that its manifest names, None if it names none."""

    flow: Flow
    namespace: str | None


def choose(flows: Mapping[tuple[str, str], Flow], name: str | None) -> Chosen:
    """Give the Flow of that name; without one the last Flow that no other calls, or the last of all.

    Raises:
        UsageError: there is none.
    """
    if not flows:
        raise UsageError("there is no Flow in what was given, so nothing can be run")
    names = {key[1]: key for key in flows}
    if name is not None and name not in names:
        hint = nearest(name, names) or f"; there is {', '.join(names)}"
        raise UsageError(f'there is no Flow "{name}" in what was given{hint}')
    key = names[name] if name is not None else _last(flows)
    return Chosen(flows[key], key[0] or None)


def _last(flows: Mapping[tuple[str, str], Flow]) -> tuple[str, str]:
    tasks = [task for flow in flows.values() for task in (*flow.spec.tasks, *flow.spec.finally_)]
    called = {task.flow.name for task in tasks if task.flow is not None}
    return next((key for key in reversed(list(flows)) if key[1] not in called), list(flows)[-1])
