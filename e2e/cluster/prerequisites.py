"""What the machine must offer: root, a few Debian packages, and Go for the first build."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from .errors import ClusterError

SEARCH_PATH = os.environ.get("PATH", os.defpath) + ":/usr/sbin:/sbin"
CNI_FOLDERS = ("/usr/lib/cni", "/opt/cni/bin", "/usr/libexec/cni")


def cni_folder() -> str | None:
    """Where the network plugins lie: `bridge` and its companions."""
    return next((folder for folder in CNI_FOLDERS if Path(folder, "bridge").exists()), None)


def program(name: str) -> str | None:
    """The path of a program; those for root are often not on the PATH of whoever asks."""
    return shutil.which(name, path=SEARCH_PATH)


def static_busybox() -> Path | None:
    """A busybox that needs no shared library, so that it runs in an image that has none."""
    path = program("busybox")
    if not path or not program("ldd"):
        return None
    is_dynamic = subprocess.run(["ldd", path], capture_output=True, check=False).returncode == 0
    return None if is_dynamic else Path(path)


def _offers(name: str) -> Callable[[], bool]:
    return lambda: program(name) is not None


def _has_seccomp() -> bool:
    pkg_config = program("pkg-config")
    return bool(pkg_config) and not subprocess.run([str(pkg_config), "--exists", "libseccomp"], check=False).returncode


PACKAGES: dict[str, Callable[[], bool]] = {
    "busybox-static": lambda: static_busybox() is not None,
    "conntrack": _offers("conntrack"),
    "containernetworking-plugins": lambda: cni_folder() is not None,
    "gcc": _offers("gcc"),
    "iproute2": _offers("ip"),
    "iptables": _offers("iptables"),
    "libseccomp-dev": _has_seccomp,
    "nftables": _offers("nft"),
    "openssl": _offers("openssl"),
    "pkg-config": _offers("pkg-config"),
    "util-linux": lambda: all(program(name) for name in ("unshare", "nsenter", "mount")),
}


def ensure_root() -> None:
    """Raise ClusterError for anyone but root: namespaces, mounts and cgroups are root's."""
    if os.geteuid() != 0:
        raise ClusterError(
            "this cluster needs root (network namespaces, mounts, cgroups): run the same command with sudo"
        )


def ensure_packages() -> None:
    """Install what is missing, as root with apt-get; else raise ClusterError with the command to type."""
    missing = _missing()
    if not missing:
        return
    install = ["apt-get", "install", "-y", "--no-install-recommends", *missing]
    if os.geteuid() != 0 or not program("apt-get"):
        raise ClusterError(f"missing on this machine: {', '.join(missing)}. Type: sudo {' '.join(install)}")
    print(f"installing {' '.join(missing)}", file=sys.stderr)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["apt-get", "update"], install):
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise ClusterError(
                f"{' '.join(command)} failed ({done.returncode}):\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
            )
    if still := _missing():
        raise ClusterError(f"apt-get has installed {', '.join(missing)}, but still not usable: {', '.join(still)}")


def ensure_go() -> None:
    """Raise ClusterError when there is no Go to build with."""
    if not program("go"):
        raise ClusterError(
            "no `go` on the PATH: Kubernetes, containerd and runc are built from source once for each version. "
            "Install Go 1.26 or newer, put its bin folder on the PATH and repeat the command"
        )


def _missing() -> list[str]:
    return [package for package, is_present in PACKAGES.items() if not is_present()]
