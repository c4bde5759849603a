"""Start a cluster and wait until it can be used; put images on its node; take it down without a trace."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from . import registry, supervisor
from .binaries import binaries
from .cache import locked
from .certificates import make_certificates, write_kubeconfigs
from .cgroups import make_cgroups, remove_cgroups
from .configuration import write_configuration
from .daemons import Commands, commands
from .errors import ClusterError
from .health import has_default_account, is_node_ready, is_serving
from .images import base_images
from .layout import DEFAULT_QPS, Cluster, clusters_folder
from .network import make_network, processes, remove_network
from .prerequisites import ensure_packages, ensure_root

START_SECONDS = 120
STOP_SECONDS = 20
POLL_SECONDS = 0.05


def up(name: str, qps: int = DEFAULT_QPS, extra: Sequence[str] = ()) -> Cluster:
    """Start the cluster, or leave it as it is when it runs; return when its node is Ready."""
    ensure_root()
    with locked(clusters_folder() / f".{name}.lock"):
        return _find_running(name) or _start(name, qps, extra)


def load(cluster: Cluster, images: Iterable[Path]) -> None:
    """Put images on the node: archives as `docker save` or an OCI tool writes them."""
    ctr = [str(cluster.binaries / "ctr"), "-a", str(cluster.socket), "-n", "k8s.io", "images", "import"]
    for image in images:
        done = subprocess.run([*ctr, str(image)], capture_output=True, text=True, check=False)
        if done.returncode:
            raise ClusterError(f"{image}: the node of {cluster.name} did not take it: {done.stderr.strip()}")


def down(cluster: Cluster) -> None:
    """Kill every process of the cluster; remove its cgroups, network and files. What is already gone is fine."""
    ensure_root()
    with locked(clusters_folder() / f".{cluster.name}.lock"):
        _take_down(cluster)


def _take_down(cluster: Cluster) -> None:
    deadline = time.monotonic() + STOP_SECONDS
    while (alive := processes(cluster)) or not remove_cgroups(cluster):
        if time.monotonic() > deadline:
            raise ClusterError(
                f"cluster {cluster.name}: after {STOP_SECONDS} s still there: processes {alive}, or cgroups"
            )
        for pid in alive:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(POLL_SECONDS)
    remove_network(cluster)
    registry.release(cluster)


def kill(cluster: Cluster, daemon: str) -> None:
    """End one daemon with SIGKILL; its supervisor starts it again at once. Raises ClusterError when it is not there."""
    daemons = json.loads(cluster.path("daemons.json").read_text())
    if daemon not in daemons:
        raise ClusterError(f"no daemon {daemon!r}; there are {', '.join(daemons)}")
    command = "\0".join([*daemons[daemon], ""]).encode()
    found = [pid for pid in processes(cluster) if _command_of(pid) == command]
    if not found:
        raise ClusterError(f"cluster {cluster.name}: {daemon} does not run; see {cluster.path('log')}")
    for pid in found:
        os.kill(pid, signal.SIGKILL)


def is_running(cluster: Cluster) -> bool:
    """Does any process of it live?"""
    return bool(processes(cluster))


def _command_of(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:  # it has ended
        return b""


def _find_running(name: str) -> Cluster | None:
    """The cluster when it runs; what is left of one that does not is removed."""
    for earlier in registry.known():
        if earlier.name == name and processes(earlier):
            _wait(earlier, "node Ready", is_node_ready)
            return earlier
        if earlier.name == name:
            _take_down(earlier)
    return None


def _start(name: str, qps: int, extra: Sequence[str]) -> Cluster:
    ensure_packages()
    images = base_images()
    cluster = registry.claim(name, binaries())
    try:
        daemons = commands(cluster, qps, extra)
    except ClusterError:
        registry.release(cluster)
        raise
    _prepare(cluster, daemons)
    _spawn_supervisor(cluster)
    _wait(cluster, "containerd", lambda cluster: cluster.socket.exists())
    load(cluster, images)
    _wait(cluster, "API server", is_serving)
    _wait(cluster, "default service account", has_default_account)
    _wait(cluster, "node Ready", is_node_ready)
    return cluster


def _prepare(cluster: Cluster, daemons: Commands) -> None:
    make_certificates(cluster)
    write_kubeconfigs(cluster)
    write_configuration(cluster)
    cluster.write("daemons.json", {**daemons})
    make_network(cluster)
    make_cgroups(cluster)


def _spawn_supervisor(cluster: Cluster) -> None:
    into_network = ["nsenter", f"--net=/run/netns/{cluster.netns}"]
    own_namespaces = ["unshare", "--pid", "--fork", "--kill-child", "--mount", "--mount-proc"]
    command = [*into_network, *own_namespaces, sys.executable, supervisor.__file__, str(cluster.folder)]
    cluster.path("log").mkdir()
    with cluster.path("log", "supervisor.log").open("ab") as log:
        subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)


def _wait(cluster: Cluster, what: str, is_so: Callable[[Cluster], bool]) -> None:
    start = time.monotonic()
    while not is_so(cluster):
        if time.monotonic() - start > START_SECONDS:
            raise ClusterError(f"cluster {cluster.name}: no {what} after {START_SECONDS} s; see {cluster.path('log')}")
        if not processes(cluster) and time.monotonic() - start > 1:
            raise ClusterError(f"cluster {cluster.name}: its supervisor has ended; see {cluster.path('log')}")
        time.sleep(POLL_SECONDS)
