"""Backfills as they are known: all of them by name, and by Flow those that have not ended."""

from tidegate.kube.client import Object

Key = tuple[str, str]
"""Namespace and name."""


class Backfills:
    """The newest known version of each Backfill; the store decides what is news."""

    def __init__(self) -> None:
        self.known: dict[Key, Object] = {}
        self._of_flow: dict[Key, dict[Key, None]] = {}

    def note(self, obj: Object) -> None:
        """Take one that is news."""
        self._of_flow.setdefault(flow_of(obj), {})[_key(obj)] = None

    def forget(self, obj: Object) -> None:
        """Drop one that is gone; another may have its name by now."""
        if _key(obj) not in self.known:
            self._of_flow.get(flow_of(obj), {}).pop(_key(obj), None)

    def unfinished(self, flow: Key) -> list[Key]:
        """Give those of a Flow that have not ended."""
        return [key for key in self._of_flow.get(flow, ()) if key in self.known and not is_over(self.known[key])]


def flow_of(obj: Object) -> Key:
    """Give namespace and name of a Backfill's Flow."""
    return obj["metadata"]["namespace"], obj["spec"]["flowRef"]["name"]


def is_over(obj: Object) -> bool:
    """Whether a Backfill has come to its end, for good."""
    return "completionTime" in (obj.get("status") or {})


def _key(obj: Object) -> Key:
    return obj["metadata"]["namespace"], obj["metadata"]["name"]
