"""Refusals as the API server words them: Status objects, and the exception that carries more than a sentence."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from tidegate.errors import ApiError, Problem, Rejected

Object = dict[str, Any]


class Fault(NamedTuple):
    """One thing wrong with a field: Kubernetes' word for it, the field's path, and the sentence after the path."""

    reason: str
    field: str
    text: str

    @property
    def message(self) -> str:
        """The line that kubectl shows."""
        return f"{self.field}: {self.text}" if self.field else self.text


class Refused(Rejected):
    """A final refusal with `details` for the Status object, such as the causes of an Invalid."""

    def __init__(self, status: int, reason: str, message: str, details: Mapping[str, Any] | None = None) -> None:
        self.details = dict(details or {})
        super().__init__(status, reason, message)


def bad_request(message: str) -> Refused:
    """Give the refusal of a request that cannot be understood."""
    return Refused(400, "BadRequest", message)


def unsupported(message: str) -> Refused:
    """Give the refusal of a body or patch in a format that is not served."""
    return Refused(415, "UnsupportedMediaType", message)


def no_such_path() -> Refused:
    """Give the refusal of a path that nothing is served at."""
    return Refused(404, "NotFound", "the server could not find the requested resource")


def not_allowed(message: str = "the server does not allow this method on the requested resource") -> Refused:
    """Give the refusal of a verb that a resource does not have."""
    return Refused(405, "MethodNotAllowed", message)


def invalid(kind: str, group: str, name: str, faults: Sequence[Fault]) -> Refused:
    """Give the 422 for an object whose fields are wrong: all of them at once, each also as a cause."""
    lines = [fault.message for fault in faults]
    listed = lines[0] if len(lines) == 1 else f"[{', '.join(lines)}]"
    qualified = f"{kind}.{group}" if group else kind
    causes = [{"reason": fault.reason, "message": fault.text, "field": fault.field} for fault in faults]
    details = {"name": name, "group": group, "kind": kind, "causes": causes}
    return Refused(422, "Invalid", f'{qualified} "{name}" is invalid: {listed}', details)


def fault_of(problem: Problem) -> Fault:
    """Turn a finding of the validator into the fault of a field, as the answer of a CEL rule would be."""
    return Fault("FieldValueInvalid", problem.path, f"Invalid value: {problem.message}")


def status_of(error: ApiError, about: Mapping[str, str] | None = None) -> Object:
    """Give the Status object for an error of the world or of a request.

    Args:
        error: what went wrong; a Refused brings its own details.
        about: name, group and kind of the object that the request is about, where that is known.
    """
    status: Object = {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": error.message,
        "reason": error.reason,
        "code": error.status,
    }
    details = error.details if isinstance(error, Refused) else _details(error, about or {})
    return {**status, "details": details} if details else status


def _details(error: ApiError, about: Mapping[str, str]) -> Object:
    """Give the details that kubectl wants to see: of an Invalid it shows the causes only."""
    details: Object = dict(about)
    if error.status == 422:
        field, _, text = error.message.partition(" is invalid: ")[2].partition(": ")
        details["causes"] = [
            {"reason": "FieldValueInvalid", "field": field.lstrip("["), "message": text or error.message}
        ]
    return details


def success(details: Mapping[str, Any]) -> Object:
    """Give the Status object that says that something was deleted at once."""
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": dict(details)}
