"""What an API server says when it refuses, in its own words: people search for these sentences."""

from tidegate.errors import ApiError, api_error
from tidegate.sandbox.kinds import Kind


def not_found(kind: Kind, name: str) -> ApiError:
    """No object of that name."""
    return api_error(404, "NotFound", f'{kind.resource} "{name}" not found')


def already_exists(kind: Kind, name: str, *, is_ending: bool) -> ApiError:
    """The name is taken, perhaps by an object that is only waiting for its finalizers."""
    ending = "object is being deleted: " if is_ending else ""
    return api_error(409, "AlreadyExists", f'{ending}{kind.resource} "{name}" already exists')


def modified(kind: Kind, name: str) -> ApiError:
    """The writer decided on an older version of the object."""
    why = "the object has been modified; please apply your changes to the latest version and try again"
    return _conflict(kind, name, why)


def precondition(kind: Kind, name: str, field: str, wanted: str, found: str) -> ApiError:
    """The object is not the one that the writer means."""
    why = f"Precondition failed: {field} in precondition: {wanted}, {field} in object meta: {found}"
    return _conflict(kind, name, why)


def _conflict(kind: Kind, name: str, why: str) -> ApiError:
    return api_error(409, "Conflict", f'Operation cannot be fulfilled on {kind.resource} "{name}": {why}')


def invalid(kind: Kind, name: str, faults: list[str]) -> ApiError:
    """The object breaks rules; each fault is `path: Class: explanation`."""
    said = faults[0] if len(faults) == 1 else f"[{', '.join(faults)}]"
    return api_error(422, "Invalid", f'{kind.qualified} "{name}" is invalid: {said}')


def bad_request(message: str) -> ApiError:
    """The request itself makes no sense."""
    return api_error(400, "BadRequest", message)


def forbidden(kind: Kind, name: str, why: str) -> ApiError:
    """Something beside the object stands in the way."""
    return api_error(403, "Forbidden", f'{kind.resource} "{name}" is forbidden: {why}')


def gone(asked: int, oldest: int) -> ApiError:
    """The history that is asked for is not kept any more."""
    return api_error(410, "Expired", f"too old resource version: {asked} ({oldest})")
