"""How long people wait for the command line: from process start to exit."""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.flows import chain, typical, write
from bench.tables import spread, table

RUNS = 9
HEADS = ("command", "min", "median", "max", "target")


def validate() -> None:
    """Measure `tidegate validate`."""
    with tempfile.TemporaryDirectory() as folder:
        rows = []
        for count, target in ((100, "0.4 s"), (2500, "1.5 s")):
            path = write(Path(folder), typical(count))
            seconds = [_seconds("validate", str(path)) for _ in range(RUNS)]
            rows.append([f"validate, {count} tasks", *spread(seconds), target])
    table("tidegate validate, from process start to exit", HEADS, rows)


def local() -> None:
    """Measure `tidegate run --local`, and what a hop of a chain costs in the sandbox."""
    with tempfile.TemporaryDirectory() as folder:
        one, many = (write(Path(folder), chain(length)) for length in (1, 20))
        hello = [_seconds("run", "--local", "manifests/samples/hello.yaml") for _ in range(RUNS)]
        short = [_seconds("run", "--local", str(one)) for _ in range(RUNS)]
        long = [_seconds("run", "--local", str(many)) for _ in range(RUNS)]
    hop = 1000 * (min(long) - min(short)) / 19
    rows = [
        ["run --local hello", *spread(hello), "2 s"],
        ["run --local chain of 1", *spread(short), ""],
        ["run --local chain of 20", *spread(long), ""],
        ["a hop: the minima's difference by 19", f"{hop:.1f} ms", "", "", "50 ms"],
    ]
    table("tidegate run --local, from process start to exit", HEADS, rows)


def _seconds(*args: str) -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-m", "tidegate", *args], check=True, capture_output=True)
    return time.perf_counter() - began
