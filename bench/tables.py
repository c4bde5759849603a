"""Printing what was measured, with the machine it was measured on."""

import os
import platform
import statistics
from collections.abc import Sequence


def machine() -> str:
    """Say on what the figures were taken."""
    return f"{os.cpu_count()} cores, Python {platform.python_version()}, {platform.system()} {platform.release()}"


def table(title: str, heads: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a table."""
    cells = [[str(cell) for cell in row] for row in [heads, *rows]]
    widths = [max(len(row[column]) for row in cells) for column in range(len(heads))]
    print(f"\n## {title}\n")
    for index, row in enumerate(cells):
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
        if index == 0:
            print("  ".join("-" * width for width in widths))


def spread(values: Sequence[float], unit: str = "s", digits: int = 3) -> list[str]:
    """Give minimum, median and maximum."""
    found = (min(values), statistics.median(values), max(values))
    return [f"{value:.{digits}f} {unit}" for value in found]
