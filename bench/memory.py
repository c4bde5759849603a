"""What the operator's process weighs while it has nothing to do, and what it has imported for that."""

import time

from bench.clusters import BenchCluster, bench_cluster
from bench.operators import OperatorProcess, operator
from bench.tables import table

IDLE_SECONDS = 15
UNWANTED = ("kubernetes", "pykube", "rich", "tidegate.sandbox")


def run() -> None:
    """Measure one process, and trace the imports of another: tracing costs memory."""
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
    with operator(cluster.kubeconfig, traced=True) as process:
        modules = process.modules()
    rows = [["all", len(modules)]]
    rows += [[name, sum(module.startswith(f"{name}.") for module in modules)] for name in UNWANTED]
    title = "modules imported by the operator until it was ready; of a package, those in it: the trace has attempts too"
    table(title, ("package", "modules"), rows)
