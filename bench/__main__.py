"""`python -m bench [SHAPE...]`: measure, and print tables; nothing is asserted."""

import sys

from bench import cluster, commands, decide
from bench.tables import machine

SHAPES = {"validate": commands.validate, "local": commands.local, "decide": decide.run, "cluster": cluster.run}


def main(names: list[str]) -> None:
    """Run the shapes of these names, or all."""
    unknown = [name for name in names if name not in SHAPES]
    if unknown:
        sys.exit(f"no shape {', '.join(unknown)}; there are {', '.join(SHAPES)}")
    print(machine())
    for name in names or SHAPES:
        SHAPES[name]()


main(sys.argv[1:])
