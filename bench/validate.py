"""How long `tidegate validate` takes for Flows as people write them."""

import tempfile
from pathlib import Path

from bench.commands import seconds
from bench.flows import typical, write
from bench.tables import SPREAD, spread, table

RUNS = 9
TARGETS = {100: "0.4 s", 2500: "1.5 s"}


def run() -> None:
    """Measure both sizes, and a command that does nothing but start."""
    rows = [["tidegate version", *spread([seconds("version") for _ in range(RUNS)]), ""]]
    with tempfile.TemporaryDirectory() as folder:
        for count, target in TARGETS.items():
            path = write(Path(folder), typical(count))
            taken = [seconds("validate", str(path)) for _ in range(RUNS)]
            rows.append(
                [f"tidegate validate, {count:,} tasks, {path.stat().st_size / 1000:.0f} kB", *spread(taken), target]
            )
    table(f"from process start to exit, {RUNS} runs", ("command", *SPREAD, "target"), rows)
