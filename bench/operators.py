"""The operator as a process of its own, seen from outside: its memory, its metrics, the modules it has loaded."""

import contextlib
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

_CHANGING = frozenset({"create", "replace", "delete"})
_NOTING = """
import atexit, os, pathlib, sys
loaded = lambda: (name for name, module in sys.modules.items() if module is not None)
atexit.register(lambda: pathlib.Path(os.environ["BENCH_MODULES"]).write_text("\\n".join(loaded())))
from tidegate.cli.main import main
sys.argv = ["tidegate", "operator"]
main()
"""
_READY_SECONDS = 60
_SETTLED_SECONDS = 1.5


@dataclass(frozen=True, slots=True)
class OperatorProcess:
    """A running operator: its pid, where its probes are, and the file its stderr goes to."""

    pid: int
    port: int
    stderr: Path

    def memory(self, field: str) -> float:
        """Give a field of /proc/PID/smaps_rollup or status, such as Rss or VmHWM, in MB."""
        text = "".join(Path(f"/proc/{self.pid}/{name}").read_text() for name in ("smaps_rollup", "status"))
        found = re.search(rf"^{field}:\s+(\d+) kB$", text, re.MULTILINE)
        if found is None:
            raise RuntimeError(f"the kernel says nothing of {field} of process {self.pid}")
        return int(found[1]) * 1024 / 1e6

    def samples(self, name: str) -> Iterator[tuple[dict[str, str], float]]:
        """Give labels and value of each sample of a metric."""
        for family in text_string_to_metric_families(self._get("/metrics")):
            yield from ((sample.labels, sample.value) for sample in family.samples if sample.name == name)

    def total(self, name: str) -> float:
        """Give the sum of all samples of a metric."""
        return sum(value for _, value in self.samples(name))

    def writes(self) -> Counter[str]:
        """Count the requests so far that changed something, by verb and resource."""
        counted: Counter[str] = Counter()
        for labels, value in self.samples("tidegate_api_requests_total"):
            if labels["verb"] in _CHANGING:
                counted[f"{labels['verb']} {labels['resource']}"] += round(value)
        return counted

    def settled_writes(self) -> Counter[str]:
        """Count them once none has been added for a while."""
        counted = self.writes()
        while True:
            time.sleep(_SETTLED_SECONDS)
            if counted == (counted := self.writes()):
                return counted

    def is_ready(self) -> bool:
        """Whether it works."""
        try:
            return bool(self._get("/readyz"))
        except OSError:
            return False

    def _get(self, path: str) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
            return str(answer.read(), "utf-8")


@contextlib.contextmanager
def operator(
    kubeconfig: str, *, modules: Path | None = None, command: str = "operator", **more: str
) -> Iterator[OperatorProcess]:
    """Run `tidegate operator` against a cluster until the block ends.

    Args:
        kubeconfig: the way to the cluster.
        modules: a file that has the names in its `sys.modules` afterwards, one a line.
        command: another command that serves the same probes.
        more: further settings.
    """
    port = free_port()
    settings = {
        "TIDEGATE_KUBECONFIG": kubeconfig,
        "TIDEGATE_LEADER_ELECTION": "false",
        "TIDEGATE_PROBE_HOST": "127.0.0.1",
        "TIDEGATE_PROBE_PORT": str(port),
        **more,
    }
    how = ["-c", _NOTING] if modules else ["-m", "tidegate", command]
    with tempfile.NamedTemporaryFile(prefix="bench-operator-") as stderr:
        env = {**os.environ, **settings, "BENCH_MODULES": str(modules or "")}
        process = subprocess.Popen([sys.executable, *how], env=env, stdout=stderr, stderr=stderr)
        found = OperatorProcess(process.pid, port, Path(stderr.name))
        try:
            _await_ready(process, found)
            yield found
        finally:
            process.terminate()
            process.wait(30)


def _await_ready(process: subprocess.Popen[bytes], found: OperatorProcess) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    while not found.is_ready():
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"the operator was to be ready; it says:\n{found.stderr.read_text()[-4000:]}")
        time.sleep(0.05)


def free_port() -> int:
    """Give a port that nobody has now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
