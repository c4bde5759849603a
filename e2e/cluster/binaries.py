"""The programs of control plane and node: versions from the go.mod files under go/, built once for each set of them."""

import os
import re
import subprocess
import sys
from pathlib import Path

from .cache import cached, key_of
from .errors import ClusterError
from .prerequisites import ensure_go, ensure_packages

GO = Path(__file__).resolve().parent / "go"
PINS = {
    "kubernetes": ("kube", "k8s.io/kubernetes"),
    "etcd": ("kube", "go.etcd.io/etcd/server/v3"),
    "containerd": ("containerd", "github.com/containerd/containerd/v2"),
    "runc": ("containerd", "github.com/opencontainers/runc"),
    "coredns": ("coredns", "github.com/coredns/coredns"),
}
HELM = GO / "helm"
HELM_PATH = "helm.sh/helm/v4"


def binaries() -> Path:
    """The folder with kubeall, containerd, its shim, ctr, runc, coredns and pause; minutes when they must be built."""
    modules = [*sorted(GO.glob("*/go.*")), *sorted(GO.glob("*/*.go"))]
    sources = [GO / "build.sh", GO / "pause.c", *(path for path in modules if path.parent != HELM)]
    return cached("bin", key_of(sources), _build)


def helm() -> Path:
    """The program Helm, which renders and installs the chart; a minute or two when it must be built.

    It is no part of the cluster, and kept apart so that another Helm does not mean to build Kubernetes again.
    """
    sources = [HELM / "go.mod", HELM / "go.sum", HELM / "tools.go"]
    return cached("helm", key_of(sources), _build_helm)


def pinned_versions() -> dict[str, str]:
    """Each component with its version, like {"kubernetes": "v1.37.2"}."""
    return {component: _version(GO / module / "go.mod", path) for component, (module, path) in PINS.items()}


def _version(go_mod: Path, path: str) -> str:
    found = re.search(rf"^(?:require)?\s+{re.escape(path)} (v\S+)", go_mod.read_text(), re.MULTILINE)
    if not found:
        raise ClusterError(f"{go_mod} requires no {path}: run go/pin.py")
    return found[1]


def _build_helm(program: Path) -> None:
    ensure_go()
    version = _version(HELM / "go.mod", HELM_PATH)
    print(f"building Helm {version}: a minute or two, once for this version", file=sys.stderr)
    flags = f"-s -w -X {HELM_PATH}/internal/version.version={version}"
    command = [
        "go",
        "-C",
        str(HELM),
        "build",
        "-trimpath",
        "-ldflags",
        flags,
        "-o",
        str(program),
        f"{HELM_PATH}/cmd/helm",
    ]
    done = subprocess.run(command, stdout=sys.stderr, check=False, env={**os.environ, "CGO_ENABLED": "0"})
    if done.returncode:
        raise ClusterError(f"go build of Helm failed with {done.returncode}: the compiler's words are above")


def _build(folder: Path) -> None:
    ensure_packages()
    ensure_go()
    print(f"building {', '.join(f'{name} {version}' for name, version in pinned_versions().items())}:", file=sys.stderr)
    print("5 to 10 minutes on two cores, once for these versions", file=sys.stderr)
    folder.mkdir()
    done = subprocess.run([GO / "build.sh", folder], stdout=sys.stderr, check=False)
    if done.returncode:
        raise ClusterError(f"{GO / 'build.sh'} failed with {done.returncode}: the compiler's words are above")
