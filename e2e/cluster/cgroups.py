"""The cgroups below which the kubelet keeps its pods: one in each v1 hierarchy, or the single one of a v2 machine."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from .layout import Cluster

ROOT = Path("/sys/fs/cgroup")


def make_cgroups(cluster: Cluster) -> None:
    """Create the cluster's cgroups."""
    for folder in _folders(cluster):
        folder.mkdir(exist_ok=True)
        # A v1 cpuset starts empty, and no process may enter it until it names processors and memory.
        if (folder / "cpuset.sched_load_balance").exists():
            for name in ("cpuset.cpus", "cpuset.mems"):
                (folder / name).write_text((folder.parent / name).read_text())


def remove_cgroups(cluster: Cluster) -> bool:
    """Remove what is empty; True when nothing is left. A killed process keeps its cgroup busy for a moment."""
    for top in _folders(cluster):
        for folder, _, _ in os.walk(top, topdown=False):
            with suppress(OSError):
                Path(folder).rmdir()
    return not any(top.exists() for top in _folders(cluster))


def _folders(cluster: Cluster) -> Iterator[Path]:
    if (ROOT / "cgroup.controllers").exists():
        yield ROOT / cluster.netns
        return
    for hierarchy in sorted(ROOT.iterdir()):
        if hierarchy.is_dir() and not hierarchy.is_symlink():
            yield hierarchy / cluster.netns
