"""Which clusters this machine knows, and which index each has."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

from .cache import locked, remove
from .errors import ClusterError
from .layout import INDEXES, Cluster, clusters_folder


def known() -> list[Cluster]:
    """All clusters that have state, by name; they need not run."""
    return [cluster for record in sorted(clusters_folder().glob("*/cluster.json")) if (cluster := _read(record))]


def find(name: str) -> Cluster:
    """The cluster of that name. Raises ClusterError when there is none."""
    for cluster in known():
        if cluster.name == name:
            return cluster
    names = ", ".join(cluster.name for cluster in known()) or "none at all"
    raise ClusterError(
        f"no cluster {name!r} (there are: {names}); start it with: python3 -m e2e.cluster up --name {name}"
    )


def claim(name: str, binaries: Path) -> Cluster:
    """A new cluster with the first free index, recorded before anything is started."""
    # The name becomes part of a node's name, of a cgroup and of a network namespace.
    if not re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?", name):
        raise ClusterError(f"cluster name {name!r}: expected up to 40 lower-case letters, digits and dashes")
    with locked(clusters_folder() / ".lock"):
        taken = {cluster.index for cluster in known()} | set(_indexes_on_the_network())
        free = [index for index in INDEXES if index not in taken]
        if not free:
            raise ClusterError(
                f"all {len(INDEXES)} indexes are taken; see python3 -m e2e.cluster list, and take one down"
            )
        cluster = Cluster(name, free[0], binaries)
        cluster.write("cluster.json", {"name": name, "index": free[0], "binaries": str(binaries)})
        return cluster


def release(cluster: Cluster) -> None:
    """Delete the cluster's files, last the record, so that an interrupted deletion can be taken up again."""
    record = cluster.path("cluster.json")
    for path in list(cluster.folder.glob("*")):
        if path != record:
            remove(path)
    remove(cluster.folder)


def _read(record: Path) -> Cluster | None:
    """Read a record, unless its cluster has just been taken down."""
    try:
        found = json.loads(record.read_text())
    except FileNotFoundError:
        return None
    return Cluster(found["name"], found["index"], Path(found["binaries"]))


def _indexes_on_the_network() -> Iterator[int]:
    """Indexes whose network is in use on this machine, by whomever."""
    shown = subprocess.run(["ip", "-o", "-4", "addr"], capture_output=True, text=True, check=True).stdout
    for index in INDEXES:
        if f" {Cluster('', index, Path()).host_ip}/" in shown:
            yield index
