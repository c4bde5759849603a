"""Ending every descendant of this process, also those that tried to get away (own session, own group, orphans).

Works because the caller adopts orphans: whoever loses its parent becomes our child and is found in the next round.
"""

import contextlib
import os
import signal
from pathlib import Path


def children() -> list[int]:
    """Give the pids of this process's direct children."""
    me = os.getpid()
    try:
        return [int(pid) for pid in Path(f"/proc/self/task/{me}/children").read_text(encoding="ascii").split()]
    except FileNotFoundError:  # a kernel built without CONFIG_PROC_CHILDREN
        return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit() and _parent(entry) == me]


def end_all() -> None:
    """Kill and reap until no descendant is left. A process that belongs to somebody else (sudo) is let go."""
    beyond_us: set[int] = set()
    while _has_children():
        found = [pid for pid in children() if pid not in beyond_us]
        if not found and beyond_us:
            return
        for pid in found:
            if not end(pid):
                beyond_us.add(pid)


def end(pid: int) -> bool:
    """Kill and reap one child; False if it belongs to somebody else."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    except PermissionError:
        return False
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, 0)
    return True


def _has_children() -> bool:
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return False
    return True


def _parent(process: Path) -> int:
    try:
        return int((process / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[1])
    except (OSError, ValueError, IndexError):
        return 0
