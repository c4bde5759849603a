"""What the operator's process weighs while it has nothing to do, and what it has loaded for that."""

import tempfile
import time
from pathlib import Path

from bench.clusters import BenchCluster, bench_cluster
from bench.operators import OperatorProcess, operator
from bench.tables import table

IDLE_SECONDS = 15
WANTED = ("kopf", "aiohttp", "tidegate")
UNWANTED = ("kubernetes", "kubernetes_asyncio", "pykube", "rich", "tidegate.sandbox")


def run() -> None:
    """Measure one process, and ask another for its modules."""
    with bench_cluster() as cluster:
        with operator(cluster.kubeconfig) as process:
            rows = [_row("ready", process)]
            time.sleep(IDLE_SECONDS)
            rows.append(_row(f"{IDLE_SECONDS} s later", process))
        described = cluster.described()
        table(f"memory of an idle operator (target: 90 MB resident); {described}", _HEADS, rows)
        _show_imports(cluster)


_HEADS = ("when", "resident", "private", "peak", "CPU since start")


def _row(when: str, process: OperatorProcess) -> list[str]:
    private = process.memory("Private_Clean") + process.memory("Private_Dirty")
    sizes = (process.memory("Rss"), private, process.memory("VmHWM"))
    return [when, *(f"{size:.1f} MB" for size in sizes), f"{process.total('process_cpu_seconds_total'):.2f} s"]


def _show_imports(cluster: BenchCluster) -> None:
    with tempfile.TemporaryDirectory() as folder:
        noted = Path(folder) / "modules"
        with operator(cluster.kubeconfig, modules=noted):
            time.sleep(1)
        modules = noted.read_text().splitlines()
    rows = [["all", len(modules), ""]]
    rows += [[name, _inside(name, modules), "loaded"] for name in WANTED]
    rows += [[name, _inside(name, modules), "0"] for name in UNWANTED]
    table("sys.modules of the operator at its end", ("package", "modules", "expected"), rows)


def _inside(package: str, modules: list[str]) -> int:
    return sum(module == package or module.startswith(f"{package}.") for module in modules)
