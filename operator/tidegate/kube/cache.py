"""The cache of results in the cluster: looked up before work begins, kept after its success is durable, pruned by age.

A run never depends on it: what cannot be read is done again, what cannot be kept is not kept.
"""

import contextlib
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tidegate.api.conditions import instant_of
from tidegate.api.policies import CacheScope
from tidegate.engine.actions import KeepResult, LookUp
from tidegate.engine.facts import CacheAnswer
from tidegate.errors import AlreadyExists, ApiError, Conflict, NotFound, Unavailable
from tidegate.kube.client import Client, Object
from tidegate.kube.resources import CACHEENTRIES, FLOWS
from tidegate.kube.session import Session
from tidegate.resources.cacheentry import cache_entry, entry_name

log = logging.getLogger(__name__)

LOOKS = 3
"""How often a look is tried before the work is done anyway."""


async def look_up(client: Client, session: Session, action: LookUp, now: float) -> float:
    """Find the entry of a task's work, and say so in the session; give the seconds after which to look again.

    Raises:
        Unavailable: it could not be read, and is tried again.
    """
    wait = session.not_before.get(action.attempt, now) - now
    if wait > 0:
        return wait
    looks = session.failures.get(action.attempt, 0) + 1
    ours = next((kept.spec for kept in session.unkept.values() if _is_of(kept, action)), None)
    session.cached[action.attempt[0]] = CacheAnswer(ours) if ours else await _answer(client, session, action, looks)
    return 0.0


def _is_of(kept: KeepResult, action: LookUp) -> bool:
    """Whether this is the result that is looked for, on its way into the cluster at this moment."""
    return bool(kept.spec["key"] == action.key and kept.spec["scope"] == action.scope)


async def _answer(client: Client, session: Session, action: LookUp, looks: int) -> CacheAnswer:
    try:
        name = entry_name(session.run, action.scope, action.key)
        found = await client.get(CACHEENTRIES, session.run.namespace, name)
    except NotFound:
        return CacheAnswer()
    except Unavailable as error:
        if looks < LOOKS:
            raise
        return CacheAnswer(problem=f"the cache could not be read: {error}")
    except ApiError as error:
        return CacheAnswer(problem=f"the cache may not be read: {error}")
    return CacheAnswer(entry=found.get("spec") or {})


async def keep(client: Client, session: Session, action: KeepResult, flow: Object | None) -> None:
    """Keep a result, in place of an older one.

    Args:
        client: the API server.
        session: the run that did the work.
        action: what is kept.
        flow: the Flow as far as it is known.

    Raises:
        Unavailable: nobody knows whether it is kept; try again.
    """
    try:
        if action.spec["scope"] == CacheScope.FLOW:
            flow = flow or await client.get(FLOWS, session.run.namespace, session.run.flow)
        await _put(client, cache_entry(session.run, action.spec, flow))
    except Unavailable:
        raise
    except ApiError as error:
        log.warning("a result is not cached", extra={"run": session.run.name, "error": str(error)})


async def _put(client: Client, body: Object) -> None:
    namespace, name = body["metadata"]["namespace"], body["metadata"]["name"]
    try:
        await client.create(CACHEENTRIES, namespace, body)
    except AlreadyExists:
        found = await client.get(CACHEENTRIES, namespace, name)
        if _time(found.get("spec") or {}) < _time(body["spec"]):
            version = found["metadata"]["resourceVersion"]
            with contextlib.suppress(Conflict):  # somebody else has just kept the same
                await client.replace(
                    CACHEENTRIES, {**body, "metadata": {**body["metadata"], "resourceVersion": version}}
                )


def _time(spec: Mapping[str, Any]) -> float:
    try:
        return instant_of(spec.get("time")) or 0.0
    except ValueError:
        return 0.0


class Pruner:
    """Deletes entries whose time has passed; those of Flows and runs that are gone go with them."""

    def __init__(self, client: Client, namespaces: Sequence[str], wall: Callable[[], float]) -> None:
        self._client, self._namespaces, self._wall = client, namespaces, wall

    async def prune(self) -> int:
        """Delete what has expired; give how many entries that were.

        Raises:
            ApiError: the API server refuses.
        """
        deleted = 0
        for namespace in self._namespaces or (None,):
            try:
                async for page in self._client.pages(CACHEENTRIES, namespace):
                    deleted += sum([await self._delete(entry) for entry in page.items if self._has_expired(entry)])
            except NotFound:  # an older installation has no such kind
                return deleted
        return deleted

    def _has_expired(self, entry: Object) -> bool:
        try:
            expires = instant_of((entry.get("spec") or {}).get("expireTime"))
        except ValueError:
            return True
        return expires is None or expires < self._wall()

    async def _delete(self, entry: Object) -> bool:
        meta = entry["metadata"]
        with contextlib.suppress(NotFound, Conflict):
            await self._client.delete(CACHEENTRIES, meta["namespace"], meta["name"], uid=meta["uid"])
            return True
        return False
