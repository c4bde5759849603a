"""JSON patches (RFC 6902): a list of operations on places in a document."""

from typing import Any

from tidegate.sandbox.answers import Refused, bad_request
from tidegate.sandbox.tree import Object, copied


def apply_json_patch(document: Object, patch: Any) -> Object:
    """Apply the operations to `document`, which is changed in place, and give it.

    Raises:
        Rejected: 400, this is no JSON patch; 422, a place does not exist or a test fails.
    """
    if not isinstance(patch, list):
        raise bad_request(f"found a JSON patch that is {type(patch).__name__}, expected a list of operations")
    for operation in patch:
        if not isinstance(operation, dict) or not isinstance(operation.get("path"), str):
            raise bad_request("an operation of a JSON patch is an object with `op` and `path`")
        document = _apply(document, operation)
    return document


def _apply(document: Object, operation: dict[str, Any]) -> Object:
    path = _tokens(operation["path"])
    match operation.get("op"):
        case "add":
            _add(document, path, copied(operation.get("value")))
        case "remove":
            _remove(document, path)
        case "replace":
            _remove(document, path)
            _add(document, path, copied(operation.get("value")))
        case "test":
            if _read(document, path) != operation.get("value"):
                raise _unprocessable(f"testing path {operation['path']} failed: it has another value")
        case "move":
            _add(document, path, _remove(document, _tokens(str(operation.get("from")))))
        case "copy":
            _add(document, path, copied(_read(document, _tokens(str(operation.get("from"))))))
        case other:
            raise bad_request(f"found the operation {other!r}, expected add, remove, replace, test, move or copy")
    return document


def _tokens(pointer: str) -> list[str]:
    first, *rest = pointer.split("/")
    if first or not rest:
        raise bad_request(f"found the path {pointer!r}, expected one that begins with / and names a field")
    return [token.replace("~1", "/").replace("~0", "~") for token in rest]


def _read(document: Any, path: list[str]) -> Any:
    for token in path:
        document = _child(document, token, path)
    return document


def _child(parent: Any, token: str, path: list[str]) -> Any:
    if isinstance(parent, dict) and token in parent:
        return parent[token]
    if isinstance(parent, list) and token.isdecimal() and int(token) < len(parent):
        return parent[int(token)]
    raise _missing(path)


def _add(document: Any, path: list[str], value: Any) -> None:
    parent, last = _read(document, path[:-1]), path[-1]
    if isinstance(parent, dict):
        parent[last] = value
    elif isinstance(parent, list) and (last == "-" or (last.isdecimal() and int(last) <= len(parent))):
        parent.insert(len(parent) if last == "-" else int(last), value)
    else:
        raise _missing(path)


def _remove(document: Any, path: list[str]) -> Any:
    value, parent = _read(document, path), _read(document, path[:-1])
    parent.pop(path[-1] if isinstance(parent, dict) else int(path[-1]))
    return value


def _missing(path: list[str]) -> Refused:
    return _unprocessable(f"the path /{'/'.join(path)} does not exist in the object")


def _unprocessable(why: str) -> Refused:
    return Refused(422, "Invalid", f"the server rejected our request due to an error in our request: {why}")
