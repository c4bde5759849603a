"""kopf, tuned: the only place that knows its settings, and the order in which it may be imported.

kopf is our informer for our own kinds. Its other handlers would patch annotations and add finalizers; none is used.
"""

import logging
import random
import sys
from collections.abc import Collection, Iterator
from typing import Any

_HEAVY = ("kubernetes", "kubernetes_asyncio", "pykube")


def _import_kopf() -> Any:
    """Import kopf without the client packages it would load when it finds them: tens of megabytes, unused here."""
    hidden = [name for name in _HEAVY if name not in sys.modules]
    for name in hidden:
        sys.modules[name] = None  # type: ignore[assignment]
    try:
        import kopf as module  # noqa: PLC0415  the order is the point
    finally:
        for name in hidden:
            del sys.modules[name]
    return module


kopf = _import_kopf()


class _Backoffs(Collection[float]):
    """Delays between attempts at a request: jittered, and without end, so that a watch is never given up."""

    def __len__(self) -> int:
        return sys.maxsize

    def __contains__(self, _: object) -> bool:
        return False

    def __iter__(self) -> Iterator[float]:
        delay = 0.5
        while True:
            yield delay * random.uniform(0.5, 1.0)  # noqa: S311  jitter
            delay = min(delay * 2, 8.0)


class _NoProgress(kopf.ProgressStorage):  # type: ignore[misc,name-defined]  # kopf is imported dynamically
    """Stores nothing: there are no handlers whose progress would matter."""

    def fetch(self, **_: Any) -> None:
        return None

    def store(self, **_: Any) -> None:
        return None

    def purge(self, **_: Any) -> None:
        return None

    def touch(self, **_: Any) -> None:
        return None

    def clear(self, *, essence: Any) -> Any:
        return essence


class _NoDiffBase(kopf.DiffBaseStorage):  # type: ignore[misc,name-defined]  # likewise
    """Remembers no last-seen state: nobody compares."""

    def build(self, **_: Any) -> dict[str, Any]:
        return {}

    def fetch(self, **_: Any) -> None:
        return None

    def store(self, **_: Any) -> None:
        return None


def settings() -> Any:
    """Give kopf's settings for an operator that only listens."""
    result = kopf.OperatorSettings()
    result.scanning.disabled = True
    result.peering.standalone = True
    result.posting.enabled = False
    result.watching.chunk_size = 500
    result.watching.server_timeout = 300
    result.queueing.idle_timeout = 0.2
    result.networking.error_backoffs = _Backoffs()
    result.persistence.progress_storage = _NoProgress()
    result.persistence.diffbase_storage = _NoDiffBase()
    result.process.ultimate_exiting_timeout = None
    logging.getLogger("kopf.objects").setLevel(logging.WARNING)
    return result
