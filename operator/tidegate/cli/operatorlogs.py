"""The logs of an operator that runs inside of a command, where they would be in the way of its output."""

import logging

from tidegate import logs


def listen_to_operator(*, verbose: bool) -> None:
    """Let the operator in this process log to stderr, or to nowhere."""
    if verbose:
        logs.configure("INFO", "text")
    else:
        root = logging.getLogger()
        root.handlers[:] = [logging.NullHandler()]
        root.setLevel(logging.CRITICAL)
