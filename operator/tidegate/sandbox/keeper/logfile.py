"""The log of a container: what it prints, line by line, each with the time at which it was read.

A line of the file is `TIME FLAG TEXT`: TIME in RFC 3339 with nanoseconds, FLAG `F` where the text ended with a
newline and `P` where more of the same line follows (or the program ended without one).
"""

import os
import time
from typing import Self


class LogFile:
    """Appends to one log; nothing is held back, so that whoever follows the file sees it at once."""

    def __init__(self, path: str) -> None:
        self._descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)

    def add(self, chunk: bytes) -> None:
        """Write down what was read from the container just now."""
        stamp = _stamp(time.time_ns())
        lines = chunk.split(b"\n")
        entries = [_entry(stamp, line) for line in lines[:-1]]
        if lines[-1]:
            entries.append(stamp + b" P " + lines[-1] + b"\n")
        _write_all(self._descriptor, b"".join(entries))


def _entry(stamp: bytes, line: bytes) -> bytes:
    return stamp + b" F " + line + b"\n"


def _stamp(nanoseconds: int) -> bytes:
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)).encode() + b".%09dZ" % rest


def _write_all(descriptor: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]
