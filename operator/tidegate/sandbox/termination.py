"""A container's termination message, as the kubelet reads it."""

from collections.abc import Callable
from pathlib import Path

LONGEST = 4096
LOG_LINES = 80
_LOG_BYTES = 2048


def message_of(file: Path, read_log: Callable[[], bytes], *, exit_code: int, policy: str) -> str:
    """Give the message: the last bytes of `file`, or of the log where the policy and a failure ask for that.

    Args:
        file: what the container has written; may have been removed.
        read_log: gives the last `LOG_LINES` lines of what it has printed.
        exit_code: how it ended.
        policy: `terminationMessagePolicy` of the container.
    """
    message = _end_of(file)
    if not message and exit_code and policy == "FallbackToLogsOnError":
        message = read_log()[-_LOG_BYTES:]
    return message.decode(errors="replace")


def _end_of(file: Path) -> bytes:
    try:
        with file.open("rb") as stream:
            size = stream.seek(0, 2)
            stream.seek(max(0, size - LONGEST))
            return stream.read(LONGEST)
    except OSError:
        return b""
