"""Every error that Tidegate raises on purpose, grouped by what the reader can do next.

TidegateError
 ├── InvalidSpec            correct the manifest: carries a list of problems, each with its place
 ├── ExpressionError        correct the expression, or the data it meets
 │    ├── BudgetExceeded    the expression asks for more steps or memory than one may take
 │    └── FieldMissing      the data do not have what the expression reads; an object may get it later
 ├── UsageError             correct the command line or the settings
 ├── RequestRefused         correct the request to the receiver, or send it again later
 └── ApiError               the API server's answer, by its status
      ├── NotFound          404
      ├── Conflict          409: the object changed meanwhile: read it again and decide again
      ├── AlreadyExists     409: the name is taken
      ├── Gone              410: the resourceVersion is too old: list again
      ├── Forbidden         403: rights or quota are missing: wait, tell the user
      ├── Rejected          400, 413, 422: final: the object itself is wrong
      └── Unavailable       429, 5xx, no connection: wait and try again; it is unknown whether it was done
"""

from collections.abc import Sequence
from dataclasses import dataclass


class TidegateError(Exception):
    """Base of all errors that are ours."""


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One mistake in a manifest.

    `path` is the field's path as kubectl prints it (`spec.tasks[2].needs[0]`, empty for the document);
    `line` and `column` count from one and are zero when the place in a file is not known.
    """

    line: int
    column: int
    path: str
    message: str
    file: str = ""

    def __str__(self) -> str:
        """Give `file:line:column: path: message` with what is known of it."""
        place = f"{self.file}:{self.line}:{self.column}: " if self.line else (f"{self.file}: " if self.file else "")
        return f"{place}{self.path}: {self.message}" if self.path else f"{place}{self.message}"


class InvalidSpec(TidegateError):
    """What the user wrote cannot be accepted; `problems` has all mistakes at once, in order of place."""

    reason = "InvalidSpec"

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(str(problem) for problem in self.problems))


class ExpressionError(TidegateError):
    """An expression is wrong, or failed on the data it met.

    `line` and `column` count from one inside the expression's own text; zero when unknown.
    """

    reason = "ExpressionFailed"

    def __init__(self, message: str, *, line: int = 0, column: int = 0) -> None:
        self.message, self.line, self.column = message, line, column
        super().__init__(message)


class BudgetExceeded(ExpressionError):
    """The evaluation was stopped because it took too many steps or too much memory."""


class FieldMissing(ExpressionError):
    """The data do not have a key, or an item, that the expression reads."""


class UsageError(TidegateError):
    """A command line or a setting is wrong."""


class RequestRefused(TidegateError):
    """A request to the receiver starts no run.

    `status` is the HTTP status that says so, `message` the sentence, `retry_after` the seconds to wait, if that helps.
    """

    def __init__(self, status: int, message: str, *, retry_after: int | None = None) -> None:
        self.status, self.message, self.retry_after = status, message, retry_after
        super().__init__(message)


class ApiError(TidegateError):
    """The API server refused or could not be reached.

    `status` is the HTTP status (0 without an answer), `reason` Kubernetes' word for it, `message` its sentence,
    `retry_after` the seconds it asked us to wait, if it did.
    """

    def __init__(self, status: int, reason: str, message: str, *, retry_after: float | None = None) -> None:
        self.status, self.reason, self.message, self.retry_after = status, reason, message, retry_after
        super().__init__(f"{reason} ({status}): {message}" if status else message)


class NotFound(ApiError):
    """The object does not exist."""


class Conflict(ApiError):
    """The object changed since it was read."""


class AlreadyExists(ApiError):
    """An object of that name exists."""


class Gone(ApiError):
    """The resourceVersion to watch or page from is no longer kept."""


class Forbidden(ApiError):
    """Rights or quota do not allow it now."""


class Rejected(ApiError):
    """The API server will never accept this object."""


class Unavailable(ApiError):
    """Nobody knows whether the request was carried out."""


def api_error(status: int, reason: str, message: str, *, retry_after: float | None = None) -> ApiError:
    """Give the error class that fits an API server's answer.

    Args:
        status: HTTP status, 0 when there was no answer.
        reason: `reason` of the Status object, e.g. `AlreadyExists`; empty when there was none.
        message: the Status object's sentence.
        retry_after: seconds of the Retry-After header.
    """
    return _class_of(status, reason)(status, reason or f"HTTP{status}", message, retry_after=retry_after)


def _class_of(status: int, reason: str) -> type[ApiError]:
    if status == 409:
        return AlreadyExists if reason == "AlreadyExists" else Conflict
    if status in {0, 429} or status >= 500:
        return Unavailable
    return {404: NotFound, 410: Gone, 403: Forbidden}.get(status, Rejected if status in (400, 413, 422) else ApiError)
