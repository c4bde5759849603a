"""What can go wrong, told to the person at the terminal."""

import sys
from collections.abc import Callable


class ClusterError(Exception):
    """Something is missing or did not happen; the message says what was found and what to do."""


def exit_code(run: Callable[[], None], program: str) -> int:
    """Run a command: 0, or 1 after telling on stderr what went wrong."""
    try:
        run()
    except ClusterError as error:
        print(f"{program}: {error}", file=sys.stderr)
        return 1
    return 0
