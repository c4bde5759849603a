"""The network namespace of a cluster, the cable into it, and the processes that live in it."""

import subprocess
from pathlib import Path

from .layout import Cluster


def make_network(cluster: Cluster) -> None:
    """Namespace, cable, addresses, and routes from the machine to pods and services.

    No port can clash with the machine's. There is no way out to other networks: nothing is ever pulled.
    """
    _ip("netns", "add", cluster.netns)
    _ip("link", "add", cluster.link, "type", "veth", "peer", "name", "eth0", "netns", cluster.netns)
    _ip("addr", "add", f"{cluster.host_ip}/24", "dev", cluster.link)
    _ip("link", "set", cluster.link, "up")
    _ip("-n", cluster.netns, "addr", "add", f"{cluster.ip}/24", "dev", "eth0")
    _ip("-n", cluster.netns, "link", "set", "lo", "up")
    _ip("-n", cluster.netns, "link", "set", "eth0", "up")
    _ip("-n", cluster.netns, "route", "add", "default", "via", cluster.host_ip)
    for network in (cluster.pods, cluster.services):
        _ip("route", "replace", network, "via", cluster.ip)


def remove_network(cluster: Cluster) -> None:
    """Undo make_network, also when it was interrupted; the routes go with the cable."""
    if Path("/sys/class/net", cluster.link).exists():
        _ip("link", "del", cluster.link)
    if Path("/run/netns", cluster.netns).exists():
        _ip("netns", "del", cluster.netns)


def processes(cluster: Cluster) -> list[int]:
    """Processes in the cluster's network namespace: its supervisor and daemons, and pods in the host network."""
    if not Path("/run/netns", cluster.netns).exists():
        return []
    return [int(pid) for pid in _ip("netns", "pids", cluster.netns).split()]


def _ip(*arguments: str) -> str:
    return subprocess.run(["ip", *arguments], check=True, stdout=subprocess.PIPE, text=True).stdout
