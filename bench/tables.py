"""Printing what was measured, with the machine it was measured on."""

import os
import platform
import statistics
from collections.abc import Sequence


def machine() -> str:
    """Say on what the figures are taken, and how busy it was just before."""
    busy = os.getloadavg()[0]
    return (
        f"{os.cpu_count()} cores, load {busy:.1f}, Python {platform.python_version()}, {platform.platform(terse=True)}"
    )


def table(title: str, heads: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a table."""
    cells = [[str(cell) for cell in row] for row in [heads, *rows]]
    widths = [max(len(row[column]) for row in cells) for column in range(len(heads))]
    print(f"\n{title}\n")
    for index, row in enumerate(cells):
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
        if index == 0:
            print("  ".join("-" * width for width in widths))
    print(flush=True)


SPREAD = ("min", "median", "max")


def spread(values: Sequence[float], unit: str = "s", digits: int = 2) -> list[str]:
    """Give minimum, median and maximum, as SPREAD names them."""
    found = (min(values), statistics.median(values), max(values))
    return [f"{value:.{digits}f} {unit}" for value in found]
