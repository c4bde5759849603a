"""What a simulated operator sees of one kind: the truth of a moment ago, with a cursor of its own."""

import asyncio
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from typing import Any

from simulation.chance import Chance
from simulation.cluster import Cluster, Object
from tidegate.errors import Gone
from tidegate.kube.observing import Seen
from tidegate.sandbox.kinds import Kind

Take = Callable[[str, Object], None]
Listed = Callable[[None, AbstractSet[str], int], None]

PROMPT_SECONDS = 0.3


class View:
    """Follows a kind, now closely, now far behind, now with a gap after which it lists.

    Args:
        cluster: what is looked at.
        chance: how far behind.
        kind: which kind.
        take: is told of each change, as kopf and the reflector tell it.
        listed: is told, after a list, which uids it had and its resourceVersion.
        thawed: gives the instant before which the process is frozen and sees nothing.
    """

    def __init__(
        self,
        cluster: Cluster,
        chance: Chance,
        kind: Kind,
        take: Take,
        listed: Listed = lambda *_: None,
        thawed: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self._cluster, self._chance, self._kind = cluster, chance, kind
        self._take, self._listed, self._thawed = take, listed, thawed
        self._loop = asyncio.get_running_loop()
        self._held: dict[str, Object] = {}
        self._cursor = 0
        self._look_at: Any = None
        self._unfollow = cluster.follow(kind, self._noticed)
        self.list_all()

    def close(self) -> None:
        """Look no more."""
        self._unfollow()
        if self._look_at is not None:
            self._look_at.cancel()

    def list_all(self) -> None:
        """Look at everything anew, and tell also what is gone."""
        world = self._cluster.world
        self._cursor = world.resource_version
        present = {obj["metadata"]["uid"]: obj for obj in world.list(self._kind)}
        for uid in [uid for uid in self._held if uid not in present]:
            self._take("DELETED", self._held.pop(uid))
        for uid, obj in present.items():
            change = "MODIFIED" if uid in self._held else "ADDED"
            self._held[uid] = obj
            self._take(change, obj)
        self._listed(None, present.keys(), self._cursor)

    def _noticed(self) -> None:
        if self._look_at is None:
            is_late = self._chance.strikes("lagging_view")
            delay = self._chance.seconds(1, 15) if is_late else self._chance.seconds(0.001, PROMPT_SECONDS)
            self._look_at = self._loop.call_at(max(self._loop.time() + delay, self._thawed()), self._look)

    def _look(self) -> None:
        self._look_at = None
        if self._chance.strikes("gap_in_view"):
            self.list_all()
            return
        try:
            self._follow()
        except Gone:
            self.list_all()

    def _follow(self) -> None:
        for change, obj, version in self._cluster.world.events_since(self._kind, self._cursor):
            self._cursor = version
            if change == "DELETED":
                self._held.pop(obj["metadata"]["uid"], None)
            else:
                self._held[obj["metadata"]["uid"]] = obj
            self._take(change, obj)


def seen(look: Callable[[Object], Seen | None], take: Callable[[str, Seen], None], memory: dict[str, Any]) -> Take:
    """Make of something that takes what is seen, something that takes objects.

    Args:
        look: gives what is to be remembered of an object.
        take: takes it.
        memory: keeps it by resourceVersion, for the other operator.
    """

    def taking(change: str, obj: Object) -> None:
        version = obj["metadata"]["resourceVersion"]
        found = memory[version] if version in memory else memory.setdefault(version, look(obj))
        if found is not None:
            take(change, found)

    return taking
