"""The operator as a process of its own, for measuring it from outside."""

import contextlib
import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class OperatorProcess:
    """A running operator: its pid and where its probes are."""

    pid: int
    port: int

    def resident_megabytes(self) -> float:
        """Give its resident memory."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024

    def writes(self) -> dict[str, int]:
        """Give its requests that changed something, by verb and resource."""
        text = self._read("/metrics")
        found = re.findall(r'tidegate_api_requests_total\{code="2\d\d",resource="([^"]+)",verb="([^"]+)"\} (\S+)', text)
        return {f"{verb} {resource}": int(float(n)) for resource, verb, n in found if verb.lower() in _CHANGING}

    def is_ready(self) -> bool:
        """Whether it works."""
        try:
            return self._read("/readyz") is not None
        except OSError:
            return False

    def _read(self, path: str) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
            return answer.read().decode()


_CHANGING = {"create", "post", "update", "put", "replace", "delete", "patch"}


@contextlib.contextmanager
def operator(kubeconfig: str) -> Iterator[OperatorProcess]:
    """Run `tidegate operator` against a cluster until the block ends."""
    port = _free_port()
    env = {
        **os.environ,
        "TIDEGATE_KUBECONFIG": kubeconfig,
        "TIDEGATE_LEADER_ELECTION": "false",
        "TIDEGATE_PROBE_HOST": "127.0.0.1",
        "TIDEGATE_PROBE_PORT": str(port),
        "TIDEGATE_LOG_LEVEL": "WARNING",
    }
    process = subprocess.Popen([sys.executable, "-m", "tidegate", "operator"], env=env)
    found = OperatorProcess(process.pid, port)
    try:
        deadline = time.monotonic() + 30
        while not found.is_ready():
            if process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError("the operator did not become ready")
            time.sleep(0.05)
        yield found
    finally:
        process.terminate()
        process.wait(20)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
