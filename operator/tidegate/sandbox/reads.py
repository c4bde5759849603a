"""GET of an object or a collection: found, cut into pages, and in the shape that was asked for."""

from collections.abc import Callable, Mapping

from tidegate.sandbox.answers import bad_request
from tidegate.sandbox.eventviews import CORE_EVENTS, shown, stored_kind
from tidegate.sandbox.pages import Page, Pages
from tidegate.sandbox.routes import Target
from tidegate.sandbox.selection import field_matcher
from tidegate.sandbox.tables import Shapes, shape_of
from tidegate.sandbox.tree import Object, Objects
from tidegate.sandbox.world import World


class Reads:
    """Answers reads from the world."""

    def __init__(self, world: World, shapes: Shapes, clock: Callable[[], float]) -> None:
        self._world, self._shapes, self._clock = world, shapes, clock
        self._pages = Pages()

    def get(self, target: Target, query: Mapping[str, str], accept: str) -> Object:
        """Give one object; raises NotFound."""
        obj = self._world.get(stored_kind(target.kind), target.namespace, target.name)
        include = query.get("includeObject") or "Metadata"
        return self._shapes.one(target.kind, obj, shape_of(accept), self._clock(), include=include)

    def list(self, target: Target, query: Mapping[str, str], accept: str) -> Object:
        """Give a collection, or a page of it; raises Rejected (400) and Gone (a page of a forgotten list)."""
        page = self._page(target, query)
        metadata: Object = {"resourceVersion": str(page.version)}
        if page.token:
            metadata |= {"continue": page.token, "remainingItemCount": page.remaining}
        include = query.get("includeObject") or "Metadata"
        return self._shapes.many(target.kind, page.objs, shape_of(accept), metadata, self._clock(), include=include)

    def select(self, target: Target, query: Mapping[str, str]) -> Objects:
        """Give the stored objects of a collection that the selectors of a query accept."""
        labels, fields = query.get("labelSelector", ""), query.get("fieldSelector", "")
        if target.kind is not CORE_EVENTS:
            return self._world.list(target.kind, target.namespace, labels=labels, fields=fields)
        matches = field_matcher(target.kind, fields)
        found = self._world.list(stored_kind(target.kind), target.namespace, labels=labels)
        return [obj for obj in found if matches(shown(target.kind, obj))]

    def _page(self, target: Target, query: Mapping[str, str]) -> Page:
        limit = query.get("limit") or "0"
        if not limit.isdecimal():
            raise bad_request(f"found limit={limit!r}, expected a number")
        if token := query.get("continue"):
            return self._pages.next(token, int(limit))
        return self._pages.first(self.select(target, query), self._world.resource_version, int(limit))
