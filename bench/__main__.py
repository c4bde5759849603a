"""`python -m bench [SHAPE...]`: measure, and print tables; nothing is asserted."""

import signal
import sys

from bench import bombs, burst, chain, decide, events, local, memory, schedules, validate, webhooks
from bench.tables import machine

SHAPES = {
    "validate": validate.run,
    "local": local.run,
    "decide": decide.run,
    "burst": burst.run,
    "memory": memory.run,
    "chain": chain.run,
    "bombs": bombs.run,
    "schedules": schedules.run,
    "webhooks": webhooks.run,
    "events": events.run,
}
GROUPS = {"triggers": ("schedules", "webhooks", "events")}


def main(names: list[str]) -> None:
    """Run the shapes of these names, or all."""
    unknown = [name for name in names if name not in SHAPES and name not in GROUPS]
    if unknown:
        sys.exit(f"no shape {', '.join(unknown)}; there are {', '.join((*SHAPES, *GROUPS))}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that a cluster is taken down then as well
    for name in [shape for given in names or SHAPES for shape in GROUPS.get(given, (given,))]:
        print(f"\n# {name}: {machine()}", flush=True)
        SHAPES[name]()


main(sys.argv[1:])
