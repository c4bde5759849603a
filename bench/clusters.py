"""A real cluster for a measurement, with our CRDs, from `e2e/cluster`; it is gone afterwards."""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

NAME = f"bench-{os.getpid()}"
"""Of this process alone: `up` would take over a cluster of that name, and `down` would then take it from somebody."""

QPS = 300
CRDS = ("flows", "flowruns")

_KUBECTL = Path("e2e/cluster/kubectl")


@dataclass(frozen=True, slots=True)
class BenchCluster:
    """A running cluster."""

    kubeconfig: str

    def kubectl(self, *args: str) -> str:
        """Run kubectl; give what it prints."""
        env = {**os.environ, "KUBECONFIG": self.kubeconfig}
        return subprocess.run([_KUBECTL, *args], check=True, stdout=subprocess.PIPE, text=True, env=env).stdout

    def described(self) -> str:
        """Say what figures of this cluster depend on."""
        version = json.loads(self.kubectl("get", "--raw", "/version"))["gitVersion"]
        return f"Kubernetes {version}, one node on this machine, controller manager at {QPS} QPS, real kubelet and pods"


@contextlib.contextmanager
def bench_cluster() -> Iterator[BenchCluster]:
    """Start the cluster, apply the CRDs, and take it down at the end."""
    _manage("up", "--qps", str(QPS))
    try:
        cluster = BenchCluster(_manage("env").strip().removeprefix("export KUBECONFIG="))
        cluster.kubectl("apply", *(word for crd in CRDS for word in ("-f", f"crds/{crd}.tidegate.dev.yaml")))
        names = [f"crd/{crd}.tidegate.dev" for crd in CRDS]
        cluster.kubectl("wait", *names, "--for=condition=Established", "--timeout=30s")
        yield cluster
    finally:
        _manage("down")


def _manage(command: str, *args: str) -> str:
    words = [sys.executable, "-m", "e2e.cluster", command, "--name", NAME, *args]
    return subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True).stdout
