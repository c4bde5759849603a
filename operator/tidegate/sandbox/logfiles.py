"""Reading the log of a container, as `kubectl logs` does: the end of it, since a moment, with times, or following."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

_LOOK_AGAIN = 0.05
"""Seconds between two looks at a file that is being followed."""


class _Entry(NamedTuple):
    stamp: bytes
    text: bytes
    starts_line: bool


@dataclass(frozen=True, slots=True)
class Selection:
    """Which part of a log is wanted, and how."""

    tail_lines: int | None = None
    since: float | None = None
    """Seconds since 1970."""
    timestamps: bool = False
    limit_bytes: int | None = None


@dataclass
class _Reader:
    """Reads a log that may grow, each entry once."""

    path: Path
    position: int = 0
    starts_line: bool = True

    def read(self) -> list[_Entry]:
        try:
            with self.path.open("rb") as stream:
                stream.seek(self.position)
                content = stream.read()
        except FileNotFoundError:
            return []
        *lines, unfinished = content.split(b"\n")
        self.position += len(content) - len(unfinished)
        return [self._entry(line) for line in lines]

    def _entry(self, line: bytes) -> _Entry:
        stamp, flag, text = line.split(b" ", 2)
        is_whole = flag == b"F"
        entry = _Entry(stamp, text + b"\n" * is_whole, self.starts_line)
        self.starts_line = is_whole
        return entry


def read_log(path: Path, selection: Selection) -> bytes:
    """Give the selected text of a log; nothing if there is no such file yet."""
    return _select(_Reader(path).read(), selection)[: selection.limit_bytes]


async def follow_log(path: Path, selection: Selection, is_alive: Callable[[], bool]) -> AsyncIterator[bytes]:
    """Give the selected text, then whatever is added until `is_alive` says that the container has ended."""
    reader, left = _Reader(path), selection.limit_bytes
    while True:
        alive = is_alive()
        text = _select(reader.read(), selection)[:left]
        selection = replace(selection, tail_lines=None)
        if text:
            yield text
        if left is not None:
            left -= len(text)
        if left == 0 or not alive:
            return
        await asyncio.sleep(_LOOK_AGAIN)


def _select(entries: list[_Entry], selection: Selection) -> bytes:
    if selection.since is not None:
        oldest = datetime.fromtimestamp(selection.since, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f000Z").encode()
        entries = [entry for entry in entries if entry.stamp >= oldest]
    if selection.tail_lines is not None:
        starts = [index for index, entry in enumerate(entries) if entry.starts_line]
        first = starts[-selection.tail_lines] if 0 < selection.tail_lines <= len(starts) else 0
        entries = entries[first:] if selection.tail_lines else []
    return b"".join(
        entry.stamp + b" " + entry.text if selection.timestamps and entry.starts_line else entry.text
        for entry in entries
    )
