"""Progress of a run on stderr while it happens: a table that changes on a terminal, a line a change elsewhere."""

import contextlib
import sys
from collections.abc import Iterator, Mapping
from typing import Any, Protocol, TextIO

from tidegate.cli.flowruns import outcome
from tidegate.cli.summary import seconds
from tidegate.logs import clean

_COLOURS = {
    "Succeeded": "green",
    "Failed": "red",
    "Skipped": "dim",
    "Cancelled": "yellow",
    "Retrying": "yellow",
    "Running": "cyan",
    "Starting": "cyan",
    "Stopping": "yellow",
}


class Progress(Protocol):
    """Somebody who is told of every change of a run."""

    def show(self, run: Mapping[str, Any]) -> None:
        """Show a run as it is now."""
        ...

    def say(self, sentence: str) -> None:
        """Show a sentence beside it."""
        ...


@contextlib.contextmanager
def progress(stream: TextIO | None = None, *, lines_only: bool = False) -> Iterator[Progress]:
    """Give what fits the stream, stderr by default; a stream that others write to as well wants lines only."""
    stream = stream or sys.stderr
    if lines_only or not stream.isatty():
        yield Lines(stream)
        return
    from rich.console import Console  # noqa: PLC0415  costs 50 ms, for terminals only
    from rich.live import Live  # noqa: PLC0415  likewise

    with Live(console=Console(file=stream), auto_refresh=False, transient=True) as live:
        yield Table(live)


class Lines:
    """Writes `task state reason message` when that changes."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._shown: dict[str, str] = {}

    def show(self, run: Mapping[str, Any]) -> None:
        """Write the lines that are new."""
        status = run.get("status") or {}
        for row in status.get("tasks") or ():
            words = (row["state"], row.get("reason"), row.get("message"))
            self._show(row["name"], " ".join(word for word in words if word))
        ended = outcome(run)
        if ended is not None or (status.get("why") and not status.get("tasks")):
            self._show(f"{run['metadata']['name']}:", status.get("why", ""))

    def say(self, sentence: str) -> None:
        """Write it."""
        print(clean(sentence), file=self._stream, flush=True)

    def _show(self, subject: str, text: str) -> None:
        if text != "Pending" and self._shown.get(subject) != text:
            self._shown[subject] = text
            self.say(f"{subject} {text}")


class Table:
    """Draws the tasks anew whenever something changes."""

    def __init__(self, live: Any) -> None:
        self._live = live

    def show(self, run: Mapping[str, Any]) -> None:
        """Draw it."""
        from rich.table import Table as Grid  # noqa: PLC0415  for terminals only
        from rich.text import Text  # noqa: PLC0415  likewise

        status = run.get("status") or {}
        grid = Grid.grid(padding=(0, 2))
        for row in status.get("tasks") or ():
            said = ": ".join(word for word in (row.get("reason"), row.get("message")) if word)
            state = Text(row["state"], style=_COLOURS.get(row["state"], ""))
            grid.add_row(Text(row["name"]), state, Text(seconds(row)), Text(clean(said)))
        grid.add_row(Text(status.get("progress", "")), Text(""), Text(""), Text(clean(status.get("why", ""))))
        self._live.update(grid, refresh=True)

    def say(self, sentence: str) -> None:
        """Write it above the table."""
        self._live.console.print(clean(sentence), markup=False, highlight=False)
