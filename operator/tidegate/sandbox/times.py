"""Time as Kubernetes writes it; seconds since 1970 inside the sandbox, RFC 3339 in objects."""

from datetime import UTC, datetime
from functools import lru_cache


def rfc3339(seconds: float) -> str:
    """Write an instant with the precision of metav1.Time: whole seconds, cut off."""
    return _whole(int(seconds))


@lru_cache(maxsize=4096)
def _whole(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def rfc3339_micro(seconds: float) -> str:
    """Write an instant with the precision of metav1.MicroTime."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


@lru_cache(maxsize=4096)
def seconds(text: str) -> float:
    """Read an RFC 3339 instant; raises ValueError."""
    return datetime.fromisoformat(text).timestamp()
