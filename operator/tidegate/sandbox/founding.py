"""What a cluster has from its first moment: accounts, a node that is ready, and the definitions of the custom kinds."""

from tidegate.sandbox.discovery import VERSION
from tidegate.sandbox.kinds import CRDS, NAMESPACES, NODES, SERVICEACCOUNTS
from tidegate.sandbox.moments import stamp
from tidegate.sandbox.tree import Object
from tidegate.sandbox.world import World
from tidegate.sandbox.writes import add_service_account


def found(world: World, crds: list[Object], now: float) -> None:
    """Create what is missing, and bring the CRDs of a restored world up to date; `now` in seconds since 1970."""
    world.now = now
    _add_accounts(world)
    for node in world.list(NODES):
        if "conditions" not in node.get("status", {}):
            world.replace(NODES, {**node, "status": _node_status(node["metadata"]["name"], now)}, subresource="status")
    known = {obj["metadata"]["name"]: obj for obj in world.list(CRDS)}
    for crd in crds:
        old = known.get(crd["metadata"]["name"])
        stored = world.replace(CRDS, {**old, "spec": crd["spec"]}) if old else world.create(CRDS, crd)
        if not stored.get("status"):
            world.replace(CRDS, {**stored, "status": _crd_status(crd, now)}, subresource="status")


def _add_accounts(world: World) -> None:
    have = {obj["metadata"]["namespace"] for obj in world.list(SERVICEACCOUNTS)}
    for namespace in world.list(NAMESPACES):
        metadata = namespace["metadata"]
        if metadata["name"] not in have and "deletionTimestamp" not in metadata:
            add_service_account(world, metadata["name"])


def _node_status(name: str, now: float) -> Object:
    ready = {"type": "Ready", "status": "True", "reason": "SandboxReady", "message": "pods run as local processes"}
    return {
        "conditions": [{**ready, "lastHeartbeatTime": stamp(now), "lastTransitionTime": stamp(now)}],
        "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}, {"type": "Hostname", "address": name}],
        "nodeInfo": {"kubeletVersion": VERSION["gitVersion"]},
    }


def _crd_status(crd: Object, now: float) -> Object:
    conditions = [
        {"type": type_, "status": "True", "reason": reason, "message": "", "lastTransitionTime": stamp(now)}
        for type_, reason in (("NamesAccepted", "NoConflicts"), ("Established", "InitialNamesAccepted"))
    ]
    spec = crd["spec"]
    versions = [version["name"] for version in spec["versions"]]
    return {"conditions": conditions, "acceptedNames": spec["names"], "storedVersions": versions}
