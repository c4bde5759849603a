"""Whether a trigger still needs an ended run: then it is not deleted by us, so that nobody misses its end.

What is known of the triggers may be old: it may say that a run is needed a little longer than it is.
"""

from collections.abc import Mapping
from typing import Any

from tidegate.api.base import DAY
from tidegate.api.conditions import instant_of
from tidegate.api.triggers import AfterFlows
from tidegate.engine import afterflows, upstream
from tidegate.engine.marks import Mark
from tidegate.engine.upstream import Ended
from tidegate.kube.client import Object
from tidegate.kube.store import Store, flow_key_of

LONGEST = DAY
"""Seconds for which a run is kept for a trigger that does not deal with it, as one whose Flow is not valid."""


def is_awaited(store: Store, run: Object, now: float) -> bool:
    """Whether a trigger of another Flow is yet to deal with an ended run, or with a child run that goes with it."""
    children = store.children(run["metadata"]["uid"]).runs.values()
    below = (store.run_of_uid(child.uid) for child in children)
    return any(_is_awaited_itself(store, one, now) for one in (run, *below) if one is not None)


def _is_awaited_itself(store: Store, run: Object, now: float) -> bool:
    for key in store.followers.of(flow_key_of(run)):
        flow = store.flows[key]
        marks = {row["name"]: row for row in (flow.get("status") or {}).get("triggers") or ()}
        for trigger in flow["spec"].get("triggers") or ():
            if _awaits(flow, trigger, marks.get(trigger["name"]), run, now):
                return True
    return False


def _awaits(flow: Object, trigger: Mapping[str, Any], row: Mapping[str, Any] | None, run: Object, now: float) -> bool:
    if "flow" not in trigger or flow["spec"].get("suspend") or trigger.get("suspend"):
        return False
    after = AfterFlows.model_validate(trigger["flow"], extra="ignore")
    found = upstream.ended(run, after.results) if run["spec"]["flowRef"]["name"] in after.flows else None
    if found is None:
        return False
    if row is None:
        return found.second >= (instant_of(flow["metadata"].get("creationTimestamp")) or 0.0) and _is_recent(found, now)
    mark = Mark.parse(row)
    if any(one.uid == found.uid for one in mark.waiting):
        return now <= afterflows.expires(after, found)
    return not afterflows.is_passed(mark, found.second, found.uid) and _is_recent(found, now)


def _is_recent(run: Ended, now: float) -> bool:
    return now <= run.second + LONGEST
