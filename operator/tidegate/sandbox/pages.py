"""Lists in pages: every page is of the moment of the first, as a client that watches from there relies on."""

import itertools
from collections import OrderedDict
from typing import NamedTuple

from tidegate.errors import api_error
from tidegate.sandbox.answers import bad_request
from tidegate.sandbox.tree import Objects

_MAX_OPEN = 64


class _Open(NamedTuple):
    objs: Objects
    version: int


class Page(NamedTuple):
    """Some objects of a list; `token` leads to the next, and `remaining` follow."""

    objs: Objects
    version: int
    token: str
    remaining: int


class Pages:
    """Lists that somebody reads page by page; the objects are shared with the world, so they cost next to nothing."""

    def __init__(self) -> None:
        self._lists: OrderedDict[str, _Open] = OrderedDict()
        self._names = itertools.count(1)

    def first(self, objs: Objects, version: int, limit: int) -> Page:
        """Give the first page, or everything when the limit is 0."""
        if not limit or len(objs) <= limit:
            return Page(objs, version, "", 0)
        name = str(next(self._names))
        self._lists[name] = _Open(objs, version)
        if len(self._lists) > _MAX_OPEN:
            self._lists.popitem(last=False)
        return self._page(name, 0, limit)

    def next(self, token: str, limit: int) -> Page:
        """Give the page that a token leads to; raises Gone when that list is forgotten, Rejected for nonsense."""
        name, _, start = token.partition("-")
        if not start.isdecimal():
            raise bad_request(f"continue key is not valid: {token!r}")
        if name not in self._lists:
            raise api_error(
                410,
                "Expired",
                "The provided continue parameter is too old to display a consistent list result. You can start a new "
                "list without the continue parameter.",
            )
        return self._page(name, int(start), limit)

    def _page(self, name: str, start: int, limit: int) -> Page:
        objs, version = self._lists[name]
        end = start + limit if limit else len(objs)
        token = f"{name}-{end}" if end < len(objs) else ""
        return Page(objs[start:end], version, token, max(0, len(objs) - end))
