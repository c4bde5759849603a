"""Deleting a namespace deletes everything in it, then the namespace itself."""

from typing import TYPE_CHECKING

from tidegate.sandbox.kinds import NAMESPACES, Object

if TYPE_CHECKING:
    from tidegate.sandbox.world import World


def is_closing(namespace: Object) -> bool:
    """Say whether the namespace is being deleted."""
    return "deletionTimestamp" in namespace["metadata"]


def look(world: "World", uid: str) -> None:
    """Empty a namespace that is being deleted; drop it once nothing is left."""
    namespace = world.store.find(uid)
    if namespace is None or not is_closing(namespace):
        return
    name = namespace["metadata"]["name"]
    left = 0
    for key, table in world.store.tables.items():
        for obj in list(table.objects(name)):
            if "deletionTimestamp" not in obj["metadata"]:
                world.delete(key, name, obj["metadata"]["name"], propagation="Background")
        left += len(table.namespaces.get(name, ()))
    if not left:
        world.remove(NAMESPACES, "", name)
