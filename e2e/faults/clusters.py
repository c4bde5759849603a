"""The cluster for a session of `python -m e2e.faults`: made for it and gone afterwards, or one that is named."""

import contextlib
import functools
import os
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from e2e.cluster import lifecycle, registry

_ROOT = Path(__file__).parents[2]
_KUBECTL = _ROOT / "e2e/cluster/kubectl"


@dataclass(frozen=True, slots=True)
class Place:
    """A cluster: its kubeconfig, an address of this machine that its pods reach, how to kill one of its daemons.

    The last two are None where nobody knows.
    """

    kubeconfig: Path
    collector: str | None = None
    kill: Callable[[str], None] | None = None


def of_kubeconfig(path: Path) -> Place:
    """Give the place of a kubeconfig; more is known of clusters of e2e/cluster."""
    for cluster in registry.known():
        if cluster.kubeconfig.is_file() and cluster.kubeconfig.read_text() == path.read_text():
            return Place(path, cluster.host_ip, functools.partial(lifecycle.kill, cluster))
    return Place(path)


@contextlib.contextmanager
def own_cluster() -> Iterator[Place]:
    """Start a cluster of this process alone, with our CRDs; take it down at the end."""
    cluster = lifecycle.up(f"faults-{os.getpid()}")
    try:
        install_crds(cluster.kubeconfig)
        yield of_kubeconfig(cluster.kubeconfig)
    finally:
        lifecycle.down(cluster)


def install_crds(kubeconfig: Path) -> None:
    """Apply our CRDs and wait until they are served."""
    names = [path.name.removesuffix(".yaml") for path in sorted((_ROOT / "crds").glob("*.tidegate.dev.yaml"))]
    established = ["--for=condition=Established", "--timeout=30s"]
    commands = [["apply", "-k", str(_ROOT / "crds")], ["wait", *(f"crd/{name}" for name in names), *established]]
    for command in commands:
        env = {**os.environ, "KUBECONFIG": str(kubeconfig)}
        subprocess.run([_KUBECTL, *command], check=True, stdout=subprocess.DEVNULL, env=env)
