"""Admission: what a run takes is fixed before anything of it starts, or it is told why it cannot start."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from tidegate.api.flow import ConcurrencyPolicy
from tidegate.engine import ceilings
from tidegate.engine import state as states
from tidegate.engine.admission import resolve_params
from tidegate.engine.conclusion import Outcome
from tidegate.engine.graph import Graph
from tidegate.engine.params import context as params_context
from tidegate.engine.run import Run
from tidegate.engine.state import State
from tidegate.engine.stored import Stored
from tidegate.engine.templating import render_text
from tidegate.errors import AlreadyExists, ExpressionError, InvalidSpec
from tidegate.kube.client import Client, Object
from tidegate.kube.graphs import Graphs
from tidegate.kube.parentage import Origin
from tidegate.kube.resources import CONFIGMAPS, REVISIONS, Resource
from tidegate.kube.session import Session, run_of
from tidegate.kube.store import version_of
from tidegate.resources.configmaps import configmap, programs
from tidegate.resources.revision import revision


@dataclass(frozen=True, slots=True)
class Entrant:
    """What a run takes: its Flow's spec, compiled; its params, in `run`; and the key of its limit, where it has one.

    `stores` are to be stored before its first write.
    """

    spec: Mapping[str, Any]
    graph: Graph
    run: Run
    place: str | None
    stores: tuple[Stored, ...] = ()


def judge(graphs: Graphs, obj: Object, flow: Object, origin: Origin) -> Entrant | Outcome:
    """Give what a run takes, or how it ends because that is wrong."""
    try:
        graph = graphs.compiled(flow["spec"])
    except InvalidSpec as error:
        return Outcome(False, "InvalidSpec", _first_of(error, flow["metadata"]["name"]), {})
    run = replace(run_of(obj), depth=origin.depth, root=origin.root)
    values, found = resolve_params(graph, run, obj["spec"].get("params") or {})
    if found:
        told = "; ".join(f"{finding.keys[-1]}: {finding.message}" for finding in found)
        return Outcome(False, "InvalidParams", told, {})
    return placed(flow["spec"], graph, replace(run, params=values))


def _first_of(error: InvalidSpec, flow: str) -> str:
    """Tell of the first mistake in a Flow; all of them stand in the Flow itself."""
    first, *others = error.problems
    more = f"; {len(others)} more in the condition Ready of the Flow" if others else ""
    return f"Flow {flow} is not valid: {first}{more}"


def placed(spec: Mapping[str, Any], graph: Graph, run: Run) -> Entrant | Outcome:
    """Give what a run takes with the key of its limit."""
    try:
        key = key_of(graph, run)
    except ExpressionError as error:
        return Outcome(False, error.reason, f"concurrency.key: {error}", {})
    problem = ceilings.problem_of(graph, run.params) or ceilings.problem_of_key(key or "")
    return Outcome(False, "TooLarge", problem, {}) if problem else Entrant(spec, graph, run, key)


def key_of(graph: Graph, run: Run) -> str | None:
    """Give the key among whose runs the Flow's limit holds; None when it has no limit.

    Raises:
        ExpressionError: the key cannot be computed.
    """
    if graph.spec.concurrency.policy is ConcurrencyPolicy.ALLOW:
        return None
    context = {"params": params_context(graph.spec.params, run.params), "run": {**run.context(), "attempt": 1}}
    return render_text(graph.key, context)


async def freeze(client: Client, entrant: Entrant) -> Run:
    """Store the run's own snapshot of the Flow and its programs, so that the first write of status may name them."""
    snapshot = revision(entrant.run, entrant.spec)
    run = replace(entrant.run, revision=snapshot["metadata"]["name"])
    await _store(client, REVISIONS, snapshot)
    files = programs(entrant.graph, run)
    if files is not None:
        await _store(client, CONFIGMAPS, files)
    for content in entrant.stores:
        await _store(client, CONFIGMAPS, configmap(run, content))
    return run


def begin(obj: Object, graph: Graph, run: Run, *, admitted: float | None = None, state: State | None = None) -> Session:
    """Give the session of a run that starts now.

    Args:
        obj: the run.
        graph: its Flow.
        run: its frozen inputs.
        admitted: when it got its place, where its Flow has a limit.
        state: where it begins, if that is not at nothing.
    """
    status = obj.get("status") or {}
    key = (status.get("frozen") or {}).get("key")
    state = replace(state or states.fresh(graph), admitted=admitted, key=key)
    return Session(run, graph, state, status, version_of(obj), first=True)


async def _store(client: Client, resource: Resource, body: Mapping[str, Any]) -> None:
    """Create what has a name by its content: if it is there, it is the same."""
    try:
        await client.create(resource, body["metadata"]["namespace"], body)
    except AlreadyExists:
        return
