"""The first process of a cluster's PID namespace: starts the daemons, starts again what ends, reaps orphans.

When it is killed the kernel kills everything below it, containers included; its mounts go with its mount namespace.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

RESTART_SECONDS = 0.3
SYSCTLS = {"net/ipv4/ip_forward": "1", "net/bridge/bridge-nf-call-iptables": "1"}


def supervise(folder: Path) -> None:
    """Run the commands in daemons.json of the folder until killed."""
    _mount(folder)
    for key, value in SYSCTLS.items():
        setting = Path("/proc/sys", key)
        if setting.exists():
            setting.write_text(value)
    daemons = json.loads((folder / "daemons.json").read_text())
    running = {_start(folder, name, command): name for name, command in daemons.items()}
    while True:
        pid, code = os.wait()
        name = running.pop(pid, None)
        if name:
            with (folder / "log" / "ended.log").open("a") as log:
                log.write(f"{time.time():.3f} {name} {code}\n")
            time.sleep(RESTART_SECONDS)
            running[_start(folder, name, daemons[name])] = name


def _mount(folder: Path) -> None:
    """Give the daemons a /run, /var/lib/kubelet and /var/log/containers of their own.

    Sockets of shims, namespaces of pods, leases of addresses and the lock of xtables lie in /run.
    """
    for path in ("/var/lib/kubelet", "/var/log/containers", folder / "kubelet", folder / "log"):
        Path(path).mkdir(parents=True, exist_ok=True)
    _run("mount", "-t", "tmpfs", "tmpfs", "/run")
    _run("mount", "-t", "tmpfs", "tmpfs", "/var/log/containers")
    _run("mount", "--bind", str(folder / "kubelet"), "/var/lib/kubelet")
    _run("mount", "--make-rshared", "/")


def _run(*command: str) -> None:
    subprocess.run(command, check=True)


def _start(folder: Path, name: str, command: list[str]) -> int:
    path = f"{Path(command[0]).parent}:{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"
    with (folder / "log" / f"{name}.log").open("ab") as log:
        daemon = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=folder, env={**os.environ, "PATH": path}
        )
    return daemon.pid


if __name__ == "__main__":
    supervise(Path(sys.argv[1]))
