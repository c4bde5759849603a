"""What an operator remembers, as a value: copied, so that it can go on from there more than once, and compared."""

import copy
import json
from array import array
from collections import OrderedDict
from collections.abc import Hashable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import fields, is_dataclass, replace
from types import FunctionType
from typing import Any

from tidegate.engine.graph import Graph, Node
from tidegate.kube.approvals import Approvals
from tidegate.kube.backfills import Backfills
from tidegate.kube.children import Children
from tidegate.kube.lines import Lines
from tidegate.kube.session import Session
from tidegate.kube.store import Store

_OWN = (Store, Children, Approvals, Backfills, Lines)
_CONSTANT = (Graph, Node)
_PLAIN = frozenset({type(None), str, int, float, bool, bytes})
_MANIFESTS = frozenset({"metadata", "ledger", "conditions"})
"""Keys of what came from the API server or goes there: plain JSON."""
_WITHOUT_INSTANTS = frozenset({"run", "graph", "state", "status"})
"""Fields of a session in which times are the cluster's, which stand still."""
_LEFT_OUT = frozenset({"_news", "_changes", "_runs", "_words", "followers"})
"""A measurement, how often a Flow changed and who follows it (no limits or triggers are explored), what `Lines` sees of
the runs, and strings."""


def forked(thing: Any) -> Any:
    """Copy what changes while an operator works: stores and containers; everything else is frozen, and shared."""
    if isinstance(thing, _OWN):
        new = copy.copy(thing)
        for name, value in vars(thing).items():
            setattr(new, name, forked(value))
        if isinstance(new, Store):
            new.lines._runs = new.runs
        return new
    if isinstance(thing, Session):
        return replace(thing, **{f.name: forked(getattr(thing, f.name)) for f in fields(thing) if f.init})
    if isinstance(thing, OrderedDict):
        return OrderedDict(thing)
    if isinstance(thing, dict):
        return {
            key: forked(value) if isinstance(value, (*_OWN, Session, dict)) else value for key, value in thing.items()
        }
    return set(thing) if isinstance(thing, set) else thing


def rebase(session: Session, clock: float) -> None:
    """Keep of the session's instants only whether they are over: how long something waits is not explored."""
    session.not_before = {attempt: 1.0 for attempt, when in session.not_before.items() if when > clock}
    session.failures = {}
    session.bare, session.bare_seen = {}, None  # why a Job has no pod is only told to people, and never asked here
    if session.dirty_since is not None:
        session.dirty_since = 0.0 if session.dirty_since == clock else -1.0
    assert not session.watches, "objects that tasks wait for are not explored"
    for each in fields(session):
        late = each.name not in _WITHOUT_INSTANTS and any(when > 1.0 for when in _floats(getattr(session, each.name)))
        assert not late, f"session.{each.name} has an instant on the clock: say here what is kept of it"


def _floats(value: Any) -> Iterator[float]:
    if isinstance(value, float):
        yield value
    elif isinstance(value, (list, tuple, Mapping)):
        for each in value.values() if isinstance(value, Mapping) else value:
            yield from _floats(each)


class Prints:
    """Makes hashable values of what operators remember; what is frozen is walked through once."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[Any, Hashable]] = {}
        self._texts: dict[str, str] = {}

    def of(self, thing: Any) -> Hashable:
        """Give a value that is equal for equal memories, and for no others."""
        kind = type(thing)
        if kind in _PLAIN:
            return thing  # type: ignore[no-any-return]  # its type was just looked up
        if kind is dict and not _MANIFESTS.isdisjoint(thing):
            text = json.dumps(thing, sort_keys=True)
            return self._texts.setdefault(text, text)
        if isinstance(thing, (Mapping, AbstractSet)):
            return self._of_unordered(thing)
        if isinstance(thing, (list, tuple, array)):
            return tuple([self.of(value) for value in thing])
        if isinstance(thing, (str, int, bytearray, FunctionType)):  # of functions only clocks, which stay the same
            return bytes(thing) if kind is bytearray else thing
        return getattr(thing, "name", None) if kind in _CONSTANT else self._of_object(thing)

    def _of_unordered(self, thing: Any) -> Hashable:
        if isinstance(thing, Mapping):
            return frozenset([(key, self.of(value)) for key, value in thing.items()])
        return frozenset([self.of(value) for value in thing])

    def _of_object(self, thing: Any) -> Hashable:
        if isinstance(thing, _OWN):
            return frozenset((name, self.of(value)) for name, value in vars(thing).items() if name not in _LEFT_OUT)
        if id(thing) in self._known:
            return self._known[id(thing)][1]
        assert is_dataclass(thing), thing
        value = (type(thing).__name__, *[self.of(getattr(thing, each.name)) for each in fields(thing)])
        if type(thing).__dataclass_params__.frozen:  # type: ignore[attr-defined]  # dataclasses keep it there
            self._known[id(thing)] = thing, value
        return value
