"""Lists in pages: every page shows the state at the resourceVersion of the first one."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import NamedTuple

from tidegate.sandbox.kinds import Object
from tidegate.sandbox.refusals import bad_request
from tidegate.sandbox.storage import Place, Table


class Listing(NamedTuple):
    """One page: `token` continues it (empty on the last one), `remaining` counts what then is left."""

    items: list[Object]
    version: int
    token: str = ""
    remaining: int = 0


def place_of(obj: Object) -> Place:
    """Give what lists are ordered by."""
    metadata = obj["metadata"]
    return (metadata.get("namespace", ""), metadata["name"])


def page(items: list[Object], version: int, limit: int, after: Place | None) -> Listing:
    """Cut one page out of all matching items, which are sorted here, as etcd does, by namespace and name."""
    items.sort(key=place_of)
    if after is not None:
        items = [item for item in items if place_of(item) > after]
    if not limit or len(items) <= limit:
        return Listing(items, version)
    return Listing(items[:limit], version, _token(version, place_of(items[limit - 1])), len(items) - limit)


def opened(token: str) -> tuple[int, Place]:
    """Read a token: the version of the first page and the last object shown; raises Rejected (400)."""
    try:
        version, namespace, name = urlsafe_b64decode(token.encode()).decode().split("/")
        return int(version), (namespace, name)
    except ValueError as error:
        raise bad_request("continue key is not valid: it does not come from a list of this server") from error


def _token(version: int, last: Place) -> str:
    return urlsafe_b64encode(f"{version}/{last[0]}/{last[1]}".encode()).decode()


def state_at(table: Table, version: int, namespace: str | None) -> list[Object]:
    """Rebuild what a list would have shown at a version, by undoing the changes since; raises Gone."""
    objects = {place_of(obj): obj for obj in table.objects(namespace)}
    for entry in reversed(table.log.after(version)):
        place = place_of(entry.object)
        if namespace is not None and place[0] != namespace:
            continue
        if entry.previous is None:
            objects.pop(place, None)
        else:
            objects[place] = entry.previous
    return list(objects.values())
