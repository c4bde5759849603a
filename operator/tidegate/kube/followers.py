"""Followers: the Flows with triggers that follow other Flows, found by whom they follow.

Only what was seen. A Flow that nobody follows costs a look into a dictionary when one of its runs ends.
"""

from collections.abc import Callable, Iterable

from tidegate.kube.client import Object

Key = tuple[str, str]


class Followers:
    """`tell` is called with the key of each follower of a Flow of which a run has ended."""

    def __init__(self) -> None:
        self.tell: Callable[[Key], None] = lambda _: None
        self._followers: dict[Key, dict[Key, None]] = {}
        self._followed: dict[Key, set[Key]] = {}

    def note(self, key: Key, flow: Object | None) -> None:
        """Take whom a Flow follows now; None for one that is gone."""
        for followed in self._followed.pop(key, ()):
            self._followers[followed].pop(key)
            if not self._followers[followed]:
                del self._followers[followed]
        rows = () if flow is None else flow["spec"].get("triggers") or ()
        names = {name for row in rows for name in (row.get("flow") or {}).get("flows") or ()}
        if names:
            self._followed[key] = {(key[0], name) for name in names}
        for name in names:
            self._followers.setdefault((key[0], name), {})[key] = None

    def of(self, flow: Key) -> Iterable[Key]:
        """Give the Flows that follow one."""
        return tuple(self._followers.get(flow, ()))

    def wake(self, flow: Key) -> None:
        """Tell the followers of a Flow that one of its runs has ended."""
        for key in self.of(flow):
            self.tell(key)
