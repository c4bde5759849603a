"""A reflector keeps somebody informed of all objects of a kind, in some namespaces or in the whole cluster.

Time is the running loop's `time()`; chance is passed in.
"""

import asyncio
import random
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from typing import Generic, TypeVar

from tidegate.kube.client import Client, Object
from tidegate.kube.listwatch import ListWatch, Scope, Sink
from tidegate.kube.resources import Resource

R = TypeVar("R")


class Reflector(Generic[R]):
    """LIST and WATCH of one kind, with the deletions that a broken watch would have hidden.

    Args:
        client: where to list and watch.
        resource: the kind.
        namespaces: where to look; empty for the whole cluster.
        labels: a label selector, empty for all.
        extract: makes a slim record of an object, or None for one of no interest; only records are kept.
        on_change: called with ADDED, MODIFIED or DELETED and the record. After a gap, a new object of a name may be
            reported before the deletion of the old one: tell them apart by uid.
        rng: source of jitter.
        on_restart: called with the kind's plural name each time that a watch ended and is begun anew.
        on_listed: called after each complete LIST with its namespace (None: all), the uids of all that exist and the
            resourceVersion: what others know of and is not there, was deleted while nobody watched.
    """

    def __init__(  # noqa: PLR0913 - it is configured once, by keywords
        self,
        client: Client,
        resource: Resource,
        *,
        namespaces: Sequence[str] = (),
        labels: str = "",
        extract: Callable[[Object], R | None],
        on_change: Callable[[str, R], None],
        rng: random.Random,
        on_restart: Callable[[str], None] = lambda _: None,
        on_listed: Callable[[str | None, AbstractSet[str], int], None] = lambda _namespace, _uids, _version: None,
    ) -> None:
        self.resource = resource
        sink = Sink(extract, on_change, on_restart, on_listed)
        places: Sequence[str | None] = sorted(set(namespaces)) or [None]
        self._scopes = [ListWatch(client, Scope(resource, place, labels), sink, rng) for place in places]

    async def run(self) -> None:
        """List and watch until cancelled."""
        async with asyncio.TaskGroup() as group:
            for scope in self._scopes:
                group.create_task(scope.run())

    async def wait_synced(self) -> None:
        """Wait until everything that existed has been handed out once."""
        for scope in self._scopes:
            await scope.synced.wait()

    @property
    def is_synced(self) -> bool:
        """Whether the first LIST of each namespace is complete."""
        return all(scope.synced.is_set() for scope in self._scopes)

    @property
    def last_heard(self) -> float | None:
        """The loop's instant at which the most silent namespace was last heard of; None before `run`."""
        instants = [scope.last_heard for scope in self._scopes if scope.last_heard is not None]
        return min(instants, default=None)

    @property
    def has_regressed(self) -> bool:
        """Whether the server went back in its history: it was restored, and what we know is not true any more."""
        return any(scope.has_regressed for scope in self._scopes)
