"""What an operator asks of the API server, as the proxy sees it: verb, kind, name; nothing of what it is for."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from yarl import URL

from tidegate.api import keys

_WRITES = frozenset({"POST", "PUT", "PATCH", "DELETE"})


@dataclass(frozen=True, slots=True)
class Request:
    """One request; names are empty where the path has none."""

    method: str
    kind: str
    namespace: str = ""
    name: str = ""
    subresource: str = ""
    is_watch: bool = False
    body: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_write(self) -> bool:
        """Whether it changes something that a run depends on; a Lease only says who works, and a review asks."""
        return self.method in _WRITES and self.kind != "leases" and not self.kind.endswith("reviews")

    def __str__(self) -> str:
        """Give it for people: `POST jobs transform, attempt 1`, `PUT flowruns/status SI`."""
        what = f"{self.method} {self.kind}" + (f"/{self.subresource}" if self.subresource else "")
        detail = _of_job(self.body) if self.kind == "jobs" else _of_status(self.body)
        return f"{what} {detail}".rstrip()


def read(method: str, url: URL, body: bytes) -> Request:
    """Take a request apart: /apis/GROUP/VERSION[/namespaces/NS]/KIND[/NAME[/SUBRESOURCE]]."""
    parts = url.path.strip("/").split("/")
    rest = parts[2:] if parts[0] == "api" else parts[3:]
    namespace = ""
    if len(rest) > 2 and rest[0] == "namespaces":
        namespace, rest = rest[1], rest[2:]
    kind, name, subresource = (*rest, "", "", "")[:3]
    is_watch = url.query.get("watch", "") in ("1", "true")
    return Request(method, kind, namespace, name, subresource, is_watch, _parsed(body))


def _parsed(body: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(body) if body else {}
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _of_job(body: Mapping[str, Any]) -> str:
    labels = (body.get("metadata") or {}).get("labels") or {}
    if keys.LABEL_TASK not in labels:
        return ""
    stopped = " stopped" if keys.LABEL_TOMBSTONE in labels else ""
    return f"{labels[keys.LABEL_TASK]}, attempt {labels.get(keys.LABEL_ATTEMPT)}{stopped}"


def _of_status(body: Mapping[str, Any]) -> str:
    status = body.get("status")
    ledger = status.get("ledger") if isinstance(status, dict) else None
    if not isinstance(ledger, dict):
        return str(body.get("reason") or ("queued" if body.get("kind") == "FlowRun" else ""))
    return f"{ledger['slots']}{' ended' if 'completionTime' in (status or {}) else ''}"
