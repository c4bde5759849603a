"""What one cluster is called, where its files lie, and which addresses follow from its index."""

import json
import os
from dataclasses import dataclass
from pathlib import Path

INDEXES = range(10)
DEFAULT_QPS = 300


def clusters_folder() -> Path:
    """The state of all clusters of this machine: namespaces and addresses are the machine's, whatever the cache is."""
    return Path(os.environ.get("TIDEGATE_CLUSTERS") or "/var/lib/tidegate-clusters").absolute()


@dataclass(frozen=True)
class Cluster:
    """One cluster of one node. Its index (0 to 9) gives it networks of its own, so that several run side by side."""

    name: str
    index: int
    binaries: Path

    @property
    def folder(self) -> Path:
        """Everything the cluster writes, but for its cgroups and network namespace."""
        return clusters_folder() / self.name

    def path(self, *parts: str) -> Path:
        """A path in the cluster's folder."""
        return self.folder.joinpath(*parts)

    def write(self, name: str, content: str | dict[str, object]) -> Path:
        """Write a text, or an object as JSON (which every YAML reader takes), into the cluster's folder."""
        path = self.path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content, indent=2))
        return path

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig."""
        return self.path("admin.kubeconfig")

    @property
    def socket(self) -> Path:
        """Where containerd listens."""
        return self.path("containerd.sock")

    @property
    def node(self) -> str:
        """The name of the one node."""
        return f"{self.name}-node"

    @property
    def netns(self) -> str:
        """The network namespace of all daemons; also the name of their cgroup."""
        return f"tidegate-{self.name}"

    @property
    def link(self) -> str:
        """The machine's end of the virtual cable into the namespace."""
        return f"tidegate{self.index}"

    @property
    def host_ip(self) -> str:
        """The machine's address on the cable."""
        return f"10.99.{self.index}.1"

    @property
    def ip(self) -> str:
        """The node's address on the cable: API server, kubelet and DNS."""
        return f"10.99.{self.index}.2"

    @property
    def pods(self) -> str:
        """The network of the pods."""
        return f"10.244.{self.index}.0/24"

    @property
    def services(self) -> str:
        """The network of the cluster IPs; the first address is the API server's."""
        return f"10.96.{self.index}.0/24"

    @property
    def api_service_ip(self) -> str:
        """The address of the Service kubernetes.default."""
        return f"10.96.{self.index}.1"

    @property
    def url(self) -> str:
        """The API server as the machine and the node see it."""
        return f"https://{self.ip}:6443"
