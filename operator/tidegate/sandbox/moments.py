"""Instants as the API writes them: whole seconds, UTC. Inside the sandbox they are seconds since 1970."""

from datetime import UTC, datetime
from functools import lru_cache


def stamp(now: float) -> str:
    """Write an instant as `2026-01-31T12:00:00Z`; fractions are cut off, as Kubernetes does."""
    return _stamp(int(now))


@lru_cache(maxsize=1024)
def _stamp(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@lru_cache(maxsize=1024)
def instant(text: str) -> float:
    """Read an instant that `stamp` wrote, or any of RFC 3339."""
    return datetime.fromisoformat(text).timestamp()
