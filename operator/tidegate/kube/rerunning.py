"""Reruns: a new run of what an ended one did, with its revision and params; what went well is taken over.

Everything is copied into objects of the new run before its first write, so that the old one may go at any time after.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tidegate.engine import reuse
from tidegate.engine.conclusion import Outcome
from tidegate.engine.graph import Graph
from tidegate.engine.paramtypes import normal
from tidegate.engine.reuse import Wanted
from tidegate.engine.state import State
from tidegate.errors import NotFound
from tidegate.kube import admission
from tidegate.kube.admission import Entrant
from tidegate.kube.client import Client, Object
from tidegate.kube.graphs import Graphs
from tidegate.kube.parentage import Origin
from tidegate.kube.resources import CONFIGMAPS, FLOWRUNS, REVISIONS
from tidegate.kube.session import Poisoned, Session, load, run_of
from tidegate.kube.store import has_ended

INVALID = "InvalidRerun"


async def judge(client: Client, graphs: Graphs, obj: Object, origin: Origin) -> Entrant | Outcome:
    """Give what a rerun takes, or how it ends because there is nothing it could do again."""
    wanted = Wanted.parse(obj["spec"]["rerun"])
    namespace = obj["metadata"]["namespace"]
    try:
        old = await client.get(FLOWRUNS, namespace, wanted.of)
        problem = _problem_of(obj, old)
        if problem:
            return problem
        session = await load(client, graphs, old)
        snapshot = await client.get(REVISIONS, namespace, session.run.revision)
    except NotFound:
        return _refused(f'there is no run "{wanted.of}" in namespace {namespace}')
    except Poisoned as error:
        return _refused(f"run {wanted.of} cannot be done again: {error}")
    return _entrant(obj, session, snapshot["data"]["spec"], wanted, origin)


async def beginning(client: Client, obj: Object, graph: Graph, name: str) -> State:
    """Give the state in which a rerun begins, from what was stored before its first write.

    Raises:
        Poisoned: it cannot be read.
    """
    namespace = obj["metadata"]["namespace"]
    try:
        first = (await client.get(CONFIGMAPS, namespace, name))["data"]
        names = reuse.names_in(first)
        data = {name: (await client.get(CONFIGMAPS, namespace, name)).get("data") or {} for name in names}
        return reuse.beginning(graph, obj["spec"]["rerun"]["of"], first, data)
    except NotFound as error:
        raise Poisoned(f"something the rerun takes over was deleted: {error.message}") from None
    except (ValueError, KeyError, TypeError) as error:
        raise Poisoned(f"what the rerun takes over is not what Tidegate stored: {error!r}") from None


def _problem_of(obj: Object, old: Object) -> Outcome | None:
    name, status = old["metadata"]["name"], old.get("status") or {}
    flow, others = obj["spec"]["flowRef"]["name"], old["spec"]["flowRef"]["name"]
    if flow != others:
        return _refused(f"run {name} is of Flow {others}; spec.flowRef.name says {flow}")
    if not has_ended(old):
        return _refused(f"run {name} has not ended; cancel it, or wait for its end")
    if "frozen" not in status:
        why = status.get("why") or "it was refused"
        return _refused(f"run {name} never began ({why}); start a new run instead")
    given = normal(obj["spec"].get("params") or {})
    if given and given not in (normal(status["frozen"].get("params")), normal(old["spec"].get("params"))):
        message = f"spec.params: a rerun takes the params of run {name}; leave them out, or start a new run"
        return Outcome(False, "InvalidParams", message, {})
    return None


def _entrant(obj: Object, old: Session, spec: Mapping[str, Any], wanted: Wanted, origin: Origin) -> Entrant | Outcome:
    problem = reuse.problem_of(old.graph, wanted)
    if problem:
        return _refused(f"spec.rerun: {problem}")
    run = replace(
        run_of(obj),
        params=old.run.params,
        depth=origin.depth,
        root=old.run.work,
        scheduled=old.run.due,
        occasion=old.run.occasion,
    )
    keep = reuse.kept(old.graph, old.state, wanted)
    entrant = admission.placed(spec, old.graph, run)
    if not keep or isinstance(entrant, Outcome):
        return entrant
    stores = reuse.taken_over(old.graph, run, old.state, keep)
    return replace(entrant, run=replace(run, reuse=stores[0].name), stores=stores)


def _refused(message: str) -> Outcome:
    return Outcome(False, INVALID, message, {})
