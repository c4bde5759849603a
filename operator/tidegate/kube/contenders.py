"""From the runs and pods of a Flow as the API server gives them to what decides about their places."""

from collections.abc import Collection, Mapping

from tidegate.api.conditions import instant_of
from tidegate.api.keys import LABEL_FLOW, LABEL_RUN, LABEL_RUN_UID
from tidegate.engine.concurrency import Contender, Entry
from tidegate.errors import ExpressionError, InvalidSpec, NotFound
from tidegate.kube.admission import key_of
from tidegate.kube.client import Client, Object
from tidegate.kube.graphs import Graphs
from tidegate.kube.lines import frozen_key
from tidegate.kube.owners import owning_run
from tidegate.kube.pods import is_live
from tidegate.kube.resources import FLOWRUNS, PODS
from tidegate.kube.session import desired_of, run_of
from tidegate.resources.names import label_value

_MAX_DEPTH = 16


def is_admitted(run: Object) -> bool:
    """Whether something of the run has begun."""
    return "ledger" in (run.get("status") or {})


def contenders(
    graphs: Graphs, flow: Object, live: Mapping[str, Object], ancestors: Mapping[str, frozenset[str]]
) -> list[Contender]:
    """Give the live runs of a Flow as they contend.

    Left out are those that come by themselves when their inputs are frozen, and those that are deleted before they
    began. A run that began while there was no limit has no key of its own: it counts as one that came today.

    Args:
        graphs: to evaluate that key.
        flow: the Flow as it is now.
        live: its runs that have not ended, by UID.
        ancestors: of those that are children, by UID, the UIDs of the runs above them, as far as known.
    """
    found = []
    for uid, run in live.items():
        key = frozen_key(run)
        if key is None and is_admitted(run):
            key = _key_today(graphs, flow, run)
        if key is not None and (is_admitted(run) or "deletionTimestamp" not in run["metadata"]):
            found.append(_contender(run, key, ancestors.get(uid, frozenset())))
    return found


async def survivors(
    client: Client, graphs: Graphs, flow: Object, runs: Mapping[str, Object], noted: Collection[str]
) -> list[Entry]:
    """Give a place to each run that is over or gone, holds none, and of which a pod may still run.

    Such a run began while there was no limit, and ended before anybody asked for a place.

    Args:
        client: the API server.
        graphs: to evaluate the key that such a run would have today.
        flow: the Flow as it is now.
        runs: its runs that exist, by UID.
        noted: the UIDs of those that hold a place, or have not ended.
    """
    metadata = flow["metadata"]
    pods = await client.list(PODS, metadata["namespace"], labels=f"{LABEL_FLOW}={label_value(metadata['name'])}")
    found: dict[str, Entry] = {}
    for pod in filter(is_live, pods.items):
        labels = pod["metadata"]["labels"]
        uid = labels.get(LABEL_RUN_UID, "")
        if uid and uid not in noted:
            run = runs.get(uid)
            name = run["metadata"]["name"] if run is not None else labels.get(LABEL_RUN, "")
            key = _key_today(graphs, flow, run) if run is not None else ""  # what its params were, nobody knows
            found[uid] = Entry(uid, name, key)
    return list(found.values())


async def ancestors_of(client: Client, obj: Object) -> frozenset[str]:
    """Give the UIDs of the runs that a run is a child of."""
    found: set[str] = set()
    owner = owning_run(obj)
    while owner is not None and owner["uid"] not in found and len(found) < _MAX_DEPTH:
        found.add(owner["uid"])
        try:
            owner = owning_run(await client.get(FLOWRUNS, obj["metadata"]["namespace"], owner["name"]))
        except NotFound:
            break
    return frozenset(found)


def _contender(run: Object, key: str, ancestors: frozenset[str]) -> Contender:
    desired = desired_of(run)
    return Contender(
        uid=run["metadata"]["uid"],
        name=run["metadata"]["name"],
        key=key,
        priority=run["spec"].get("priority") or 0,
        created=instant_of(run["metadata"]["creationTimestamp"]) or 0.0,
        admitted=is_admitted(run),
        stopping="stop" in (run.get("status") or {}) or desired in ("Cancelled", "Terminated"),
        paused=desired == "Paused",
        ancestors=ancestors,
    )


def _key_today(graphs: Graphs, flow: Object, run: Object) -> str:
    """Give the key of a run by its Flow as it is now; none when its params are too different for that."""
    params = ((run.get("status") or {}).get("frozen") or {}).get("params") or {}
    try:
        return key_of(graphs.compiled(flow["spec"]), run_of(run, params=params)) or ""
    except (InvalidSpec, ExpressionError):
        return ""
