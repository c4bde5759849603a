"""What the sandbox and its keeper say to each other: one JSON document a line, orders there, reports back.

Orders:  {"run": {...}} with the fields of `Order`, {"end": id} (SIGTERM), {"kill": id} (SIGKILL to everything).
Reports: {"ready": isolation} first, then {"id", "started"}, {"id", "refused": why} or {"id", "ended": code}.
A report stays below PIPE_BUF, so that shims can write to the same pipe without mixing their bytes.
"""

import json
import os
from typing import Any, NamedTuple

from tidegate.sandbox.keeper.view import Mount

_LONGEST = 3_000


class Order(NamedTuple):
    """One process to be run."""

    id: str
    argv: list[str]
    env: dict[str, str]
    directory: str
    log: str
    mounts: list[Mount]
    """Empty: no mount namespace is needed."""
    staging: str
    as_user: bool
    """The namespace has to come with a user namespace: we are not root."""


def read_order(fields: dict[str, Any]) -> Order:
    """Turn an order's JSON back into one."""
    return Order(**{**fields, "mounts": [Mount(*mount) for mount in fields["mounts"]]})


def report(**fields: Any) -> None:
    """Tell the sandbox something."""
    os.write(1, json.dumps(fields).encode() + b"\n")


def refusal(error: OSError) -> bytes:
    """Say what could not be prepared, short enough for a report."""
    place = f"{error.filename}: " if error.filename else ""
    return f"{place}{error.strerror or error}".encode()[:_LONGEST]


def not_executable(command: str, error: OSError | ValueError) -> bytes:
    """Say why a command cannot be started."""
    if isinstance(error, FileNotFoundError):
        missing = "no such file or directory" if "/" in command else "executable file not found in $PATH"
        hint = "it was looked for on this machine, not in the image: the sandbox runs commands as local processes"
        return f'exec: "{command}": {missing}; {hint}'.encode()[:_LONGEST]
    return f'exec: "{command}": {getattr(error, "strerror", None) or error}'.encode()[:_LONGEST]
