"""The refusals of an API server, in Kubernetes' own words, as the errors a client gets for them."""

from collections.abc import Sequence
from typing import NamedTuple

from tidegate.errors import ApiError, Rejected, api_error
from tidegate.sandbox.kinds import Kind, Object


class Cause(NamedTuple):
    """One field that is wrong; `message` begins with Kubernetes' word for it (`Invalid value: ...`)."""

    field: str
    message: str

    @property
    def reason(self) -> str:
        """The machine-readable word that goes with the message."""
        word = self.message.partition(":")[0]
        return {
            "Required value": "FieldValueRequired",
            "Duplicate value": "FieldValueDuplicate",
            "Unsupported value": "FieldValueNotSupported",
            "Forbidden": "FieldValueForbidden",
            "Too long": "FieldValueTooLong",
            "Too many": "FieldValueTooMany",
        }.get(word, "FieldValueInvalid")


class Invalid(Rejected):
    """The object breaks rules of its kind (422); `causes` has all of them."""

    def __init__(self, kind: Kind, name: str, causes: Sequence[Cause]) -> None:
        self.kind, self.name, self.causes = kind, name, tuple(causes)
        sentences = [f"{cause.field}: {cause.message}" if cause.field else cause.message for cause in causes]
        text = sentences[0] if len(sentences) == 1 else f"[{', '.join(sentences)}]"
        titled = f"{kind.kind}.{kind.group}" if kind.group else kind.kind
        super().__init__(422, "Invalid", f'{titled} "{name}" is invalid: {text}')


def not_found(kind: Kind, name: str) -> ApiError:
    """404: no such object."""
    return api_error(404, "NotFound", f'{kind.qualified} "{name}" not found')


def already_exists(kind: Kind, existing: Object) -> ApiError:
    """409: the name is taken, perhaps by an object on its way out."""
    name = existing["metadata"]["name"]
    sentence = f'{kind.qualified} "{name}" already exists'
    if "deletionTimestamp" in existing["metadata"]:
        sentence = f"object is being deleted: {sentence}"
    return api_error(409, "AlreadyExists", sentence)


def changed_meanwhile(kind: Kind, name: str) -> ApiError:
    """409: the resourceVersion is not the current one."""
    return _conflict(
        kind, name, "the object has been modified; please apply your changes to the latest version and try again"
    )


def wrong_uid(kind: Kind, name: str, wanted: str, found: str) -> ApiError:
    """409: the object is not the one that was meant, but a later one of the same name."""
    return _conflict(kind, name, f"Precondition failed: UID in precondition: {wanted}, UID in object meta: {found}")


def _conflict(kind: Kind, name: str, why: str) -> ApiError:
    return api_error(409, "Conflict", f'Operation cannot be fulfilled on {kind.qualified} "{name}": {why}')


def closing_namespace(kind: Kind, name: str, namespace: str) -> ApiError:
    """403: nothing new may be made in a namespace that is being deleted."""
    return api_error(
        403,
        "Forbidden",
        f'{kind.qualified} "{name}" is forbidden: unable to create new content in namespace {namespace} '
        "because it is being terminated",
    )


def bad_request(message: str) -> ApiError:
    """400: the request itself makes no sense."""
    return api_error(400, "BadRequest", message)
