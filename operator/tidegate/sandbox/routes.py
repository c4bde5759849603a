"""What a URL path addresses: a kind, perhaps a namespace, an object, a subresource."""

from typing import NamedTuple

from tidegate.sandbox.answers import no_such_path
from tidegate.sandbox.eventviews import CORE_EVENTS
from tidegate.sandbox.kinds import KINDS, NAMESPACES, Kind

SERVED: tuple[Kind, ...] = (*KINDS, CORE_EVENTS)
"""All kinds that have a path."""

SUBRESOURCES = {"pods": ("status", "log", "eviction")}
"""Beside `status` of the kinds that have one."""

_BY_PATH = {(kind.group, kind.version, kind.plural): kind for kind in SERVED}


class Target(NamedTuple):
    """What a request is about; `name` and `subresource` are empty for a collection, `namespace` None for all."""

    kind: Kind
    namespace: str | None
    name: str
    subresource: str

    @property
    def details(self) -> dict[str, str]:
        """The address as the `details` of a Status give it."""
        details = {"name": self.name, "group": self.kind.group, "kind": self.kind.plural}
        return {key: value for key, value in details.items() if value}


def target_of(path: str) -> Target:
    """Read a path such as /apis/batch/v1/namespaces/default/jobs/a/status; raises Rejected (404)."""
    parts = path.strip("/").split("/")
    match parts:
        case ["api", version, *rest]:
            return _target("", version, rest)
        case ["apis", group, version, *rest]:
            return _target(group, version, rest)
    raise no_such_path()


def _target(group: str, version: str, rest: list[str]) -> Target:
    match rest:
        case ["namespaces", namespace, plural, *tail] if plural not in ("status", "finalize"):
            kind = _BY_PATH.get((group, version, plural))
            if kind is not None and kind.namespaced and namespace:
                return _object(kind, namespace, tail)
        case [plural, *tail]:
            kind = _BY_PATH.get((group, version, plural))
            if kind is not None and (not kind.namespaced or not tail):
                return _object(kind, None, tail)
    raise no_such_path()


def _object(kind: Kind, namespace: str | None, tail: list[str]) -> Target:
    match tail:
        case []:
            return Target(kind, namespace, "", "")
        case [name] if name:
            return Target(kind, namespace, name, "")
        case [name, subresource] if name and subresource in subresources_of(kind):
            return Target(kind, namespace, name, subresource)
    raise no_such_path()


def subresources_of(kind: Kind) -> tuple[str, ...]:
    """Give the subresources of a kind."""
    if kind is NAMESPACES:
        return ("status", "finalize")
    return SUBRESOURCES.get(kind.plural, ("status",) if kind.has_status else ())
