"""Owner garbage collection: what has lost its last owner goes, in the background."""

from typing import TYPE_CHECKING

from tidegate.sandbox.documents import with_metadata
from tidegate.sandbox.kinds import Object
from tidegate.sandbox.pods import TRACKING
from tidegate.sandbox.storage import Ref

if TYPE_CHECKING:
    from tidegate.sandbox.objects import Objects
    from tidegate.sandbox.world import World

FOREGROUND = "foregroundDeletion"


def look(world: "World", uid: str) -> None:
    """Delete the object when no owner of it exists; let go of an owner that waited for its children."""
    ref = world.store.by_uid.get(uid)
    obj = world.store.at(ref) if ref else None
    if ref is None or obj is None:
        return
    if FOREGROUND in obj["metadata"].get("finalizers", ()):
        _delete_children_first(world, ref, obj)
        return
    owners = obj["metadata"].get("ownerReferences") or []
    living = [owner for owner in owners if _exists(world, owner, ref[1])]
    if owners and not living:
        world.delete(*ref, uid=uid, propagation="Background")
    elif len(living) < len(owners):
        world.put(ref[0], with_metadata(obj, ownerReferences=living))


def has_lost_owners(world: "Objects", obj: Object) -> bool:
    """Say whether any owner that the object names does not exist."""
    namespace = obj["metadata"].get("namespace", "")
    return any(not _exists(world, owner, namespace) for owner in obj["metadata"].get("ownerReferences") or ())


def orphan_children(world: "Objects", uid: str) -> None:
    """Take the owner's name off its children, so that they stay when it goes; pods are not counted any more."""
    for ref in list(world.store.children.get(uid, ())):
        child = world.store.at(ref)
        if child:
            rest = [owner for owner in child["metadata"]["ownerReferences"] if owner["uid"] != uid]
            holds = [name for name in child["metadata"].get("finalizers", ()) if name != TRACKING]
            world.settle(ref[0], with_metadata(child, ownerReferences=rest or None, finalizers=holds or None))


def _exists(world: "Objects", owner: Object, namespace: str) -> bool:
    """An owner of a kind that is not served cannot be looked for: it is believed, as the real collector does."""
    if (owner["apiVersion"], owner["kind"]) not in world.registry.by_name:
        return True
    ref = world.store.by_uid.get(owner["uid"])
    return ref is not None and ref[1] in ("", namespace)


def _delete_children_first(world: "World", ref: Ref, obj: Object) -> None:
    children = list(world.store.children.get(obj["metadata"]["uid"], ()))
    for child in children:
        found = world.store.at(child)
        if found and "deletionTimestamp" not in found["metadata"]:
            world.delete(*child, propagation="Foreground")
    if not any(world.store.at(child) for child in children):
        left = [name for name in obj["metadata"]["finalizers"] if name != FOREGROUND]
        world.settle(ref[0], with_metadata(obj, finalizers=left or None))
