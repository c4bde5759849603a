"""`GET .../pods/NAME/log`: the query of a log request as arguments for whoever keeps the logs."""

from collections.abc import AsyncIterator, Mapping
from typing import Protocol

from tidegate.sandbox.answers import bad_request
from tidegate.sandbox.moments import instant
from tidegate.sandbox.routes import Target
from tidegate.sandbox.watches import is_true


class Logs(Protocol):
    """Gives the log of a container in pieces; see `processes.Processes.logs`."""

    def __call__(  # noqa: PLR0913 - the parameters of the API's log subresource
        self,
        namespace: str,
        pod: str,
        container: str = "",
        *,
        follow: bool = False,
        tail_lines: int | None = None,
        since_seconds: float | None = None,
        since: float | None = None,
        timestamps: bool = False,
        limit_bytes: int | None = None,
    ) -> AsyncIterator[bytes]:
        """Raise NotFound or Rejected before the first piece."""
        ...


def open_log(logs: Logs, target: Target, query: Mapping[str, str]) -> AsyncIterator[bytes]:
    """Begin to read a log; raises NotFound, Rejected (400)."""
    container = query.get("container", "")
    if is_true(query.get("previous")):
        raise bad_request(f'previous terminated container "{container}" in pod "{target.name}" not found')
    return logs(
        target.namespace or "",
        target.name,
        container,
        follow=is_true(query.get("follow")),
        tail_lines=_number(query, "tailLines"),
        since_seconds=_number(query, "sinceSeconds"),
        since=_instant(query.get("sinceTime")),
        timestamps=is_true(query.get("timestamps")),
        limit_bytes=_number(query, "limitBytes"),
    )


def _number(query: Mapping[str, str], name: str) -> int | None:
    text = query.get(name)
    if text is None:
        return None
    if not text.isdecimal():
        raise bad_request(f"found {name}={text!r}, expected a whole number that is not negative")
    return int(text)


def _instant(text: str | None) -> float | None:
    try:
        return None if text is None else instant(text)
    except ValueError as error:
        raise bad_request(f"found sinceTime={text!r}, expected an RFC 3339 instant") from error
