"""Policy: work that was done before, with the same inputs, is not done again (`cache`): of tasks, and of single items.

Only what decides about the result is in the key: resources, deadlines and identity are not. Nobody but the caller looks
at the cluster; what cannot be read or is not what it should be counts as not there, for a result can always be made.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from tidegate.api.cacheentry import CacheEntrySpec
from tidegate.api.conditions import instant_of, timestamp
from tidegate.api.policies import Cache, CacheScope
from tidegate.engine import ledger as letters
from tidegate.engine import outputs, repeating
from tidegate.engine.actions import Happening, KeepResult, LookUp
from tidegate.engine.draft import Draft
from tidegate.engine.graph import Graph, Node
from tidegate.engine.inputs import Inputs, SecretKey, render_inputs
from tidegate.engine.listing import context_of
from tidegate.engine.templating import render
from tidegate.errors import ExpressionError

LOOKING = "CacheLookup"
_VERSION = 1
"""Part of every key: a change of what goes into keys must change it, so that old entries are never misread."""


class _Unusable(Exception):
    """Why an entry is not taken though it is there."""


def settle(draft: Draft, new: list[int]) -> list[int]:
    """End what was done before, and ask about what is not known yet: neither takes a place. Give what is left."""
    answered = [slot for slot in draft.facts.cached or () if _is_looked_for(draft, slot)]
    for slot in answered:
        draft.move(slot, letters.PENDING)
    return [slot for slot in sorted({*new, *answered}) if not is_settled(draft, slot)]


def _is_looked_for(draft: Draft, slot: int) -> bool:
    return draft.letter(slot) == letters.HELD and draft.record(slot).reason == LOOKING


def is_settled(draft: Draft, slot: int) -> bool:
    """Whether the task or item need not start now, because its result was found or is being looked for."""
    cache = draft.node(slot).task.cache
    if cache is None or cache.refresh or draft.facts.cached is None or draft.ledger.attempts[slot]:
        return False
    try:
        if slot not in draft.facts.cached:
            _ask(draft, slot, cache)
            return True
        entry = _usable(draft, slot, cache)
    except (ExpressionError, _Unusable):  # told when the work begins
        return False
    if entry is None:
        return False
    draft.succeed(slot, entry.outputs, letter=letters.CACHED)
    if draft.is_task(slot):
        draft.tell(slot, "CacheHit", f"run {entry.run} did the same work at {entry.time}")
    return True


def _ask(draft: Draft, slot: int, cache: Cache) -> None:
    if slot in draft.looked_for:
        return
    draft.actions.append(LookUp(draft.attempt(slot), _key(draft, slot), cache.scope))
    draft.looked_for.add(slot)
    if draft.is_task(slot):
        draft.move(slot, letters.HELD)
        draft.tell(slot, LOOKING, "it is looked up whether this work was done before")


def complain(draft: Draft, slot: int) -> None:
    """Say, when the work begins, why what the cache has is not taken."""
    node = draft.node(slot)
    if node.task.cache is None or slot not in (draft.facts.cached or ()):
        return
    try:
        _usable(draft, slot, node.task.cache)
    except _Unusable as error:
        told = Happening(True, "CacheIgnored", f"task {node.name} does its work again: {error}")
        if told not in draft.happenings[-1:]:  # items tell the same one after another
            draft.happenings.append(told)


def keep(draft: Draft, slot: int, given: Mapping[str, Any], at: float | None) -> None:
    """Keep the result of a task or item that is about to succeed for those that would do the same."""
    node, run = draft.node(slot), draft.run
    cache = node.task.cache
    if cache is None:
        return
    try:
        key = _key(draft, slot)
    except ExpressionError:  # what cannot be evaluated again could not be found again
        return
    done = at if at is not None else draft.now
    spec = {
        "flow": run.flow,
        "task": node.name,
        "run": run.name,
        "runUID": run.uid,
        "scope": cache.scope.value,
        "key": key,
        "time": timestamp(done),
        "expireTime": timestamp(done + cache.max_age_seconds),
        "outputs": dict(given),
    }
    draft.actions.append(KeepResult(draft.attempt(slot), spec))


def key_of(graph: Graph, node: Node, inputs: Inputs, own: Any, item: Any) -> str:
    """Give the key: a hash of all that decides about the result. A secret is in it by name, never by value.

    Args:
        graph: for the pod template that all tasks share.
        node: the task.
        inputs: its evaluated body.
        own: what `cache.key` gives.
        item: that of a fan-out; its place in the list does not count.
    """
    task = node.task
    content = {
        "version": _VERSION,
        "image": inputs.image,
        "command": task.command,
        "args": inputs.args,
        "script": task.script,
        "interpreter": task.interpreter,
        "files": [[file.path, file.content] for file in task.files or ()],
        "env": [[name, _plain(value)] for name, value in inputs.env],
        "envFrom": task.env_from,
        "workingDir": task.working_dir,
        "podTemplate": task.pod_template,
        "defaults": graph.spec.task_defaults.pod_template,
        "key": own,
        "item": item,
    }
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _plain(value: str | SecretKey | Mapping[str, Any]) -> Any:
    if isinstance(value, SecretKey):
        return {"secret": value.name, "key": value.key}
    return value if isinstance(value, str) else dict(value)


def _key(draft: Draft, slot: int) -> str:
    node, context = draft.node(slot), context_of(draft, slot)
    inputs = render_inputs(draft.graph, node, context)
    return key_of(draft.graph, node, inputs, render(node.inputs["cacheKey"], context), context.get("item"))


def _usable(draft: Draft, slot: int, cache: Cache) -> CacheEntrySpec | None:
    """Give the entry that was found when its result may be taken; None when there is none, or it is too old."""
    answer = (draft.facts.cached or {})[slot]
    if answer.problem:
        raise _Unusable(answer.problem)
    if answer.entry is None:
        return None
    entry = _read(answer.entry)
    if not _is_ours(draft, cache, _key(draft, slot), entry):
        raise _Unusable(f"the cache entry of run {entry.run} is not the one that its name stands for; delete it")
    if draft.now > (instant_of(entry.time) or 0.0) + cache.max_age_seconds:
        return None
    try:
        taken = outputs.check(entry.outputs, draft.node(slot).task.outputs or ())
        enough = repeating.is_enough(draft, slot, taken)
    except outputs.OutputError as error:
        raise _Unusable(f"the result of run {entry.run} does not fit: {error.message}") from None
    except ExpressionError as error:
        raise _Unusable(f"repeat.until of the result of run {entry.run}: {error}") from None
    if not enough:
        raise _Unusable(f"repeat.until does not hold for the result of run {entry.run}")
    return entry.model_copy(update={"outputs": taken})


def _read(spec: Mapping[str, Any]) -> CacheEntrySpec:
    try:
        entry = CacheEntrySpec.model_validate(dict(spec), extra="ignore")
        instant_of(entry.time)
    except (ValidationError, ValueError) as error:
        first = str(error).splitlines()
        raise _Unusable(f"its cache entry is not what Tidegate wrote ({'; '.join(first[1:3])}); delete it") from None
    return entry


def _is_ours(draft: Draft, cache: Cache, key: str, entry: CacheEntrySpec) -> bool:
    same_flow = cache.scope is CacheScope.NAMESPACE or entry.flow == draft.run.flow
    same_run = cache.scope is not CacheScope.RUN or entry.run_uid == draft.run.uid
    return entry.key == key and entry.scope is cache.scope and same_flow and same_run
