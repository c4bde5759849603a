"""Patches: the formats that kubectl sends, applied to an object, or refused with a sentence."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from tidegate.sandbox.answers import bad_request, unsupported
from tidegate.sandbox.jsonpatch import apply_json_patch
from tidegate.sandbox.kinds import CUSTOM, Kind
from tidegate.sandbox.tree import Object, copied, merged

_SERVER_SIDE = "the sandbox has no server-side apply: use kubectl apply without --server-side"
_MERGE, _STRATEGIC = "application/merge-patch+json", "application/strategic-merge-patch+json"
_JSON, _APPLY = "application/json-patch+json", "application/apply-patch"


def form_of(content_type: str) -> str:
    """Give the format of a patch by its Content-Type; raises Rejected (415) for those that the sandbox does not do."""
    form = content_type.partition(";")[0].strip()
    if form.startswith(_APPLY):
        raise unsupported(_SERVER_SIDE)
    if form not in (_MERGE, _STRATEGIC, _JSON):
        raise unsupported(f"found a patch of type {form or 'none'}, expected {_MERGE}, {_STRATEGIC} or {_JSON}")
    return form


def patched(kind: Kind, current: Object, form: str, body: bytes) -> Object:
    """Give the object after a patch; what comes out is new all the way down.

    Raises:
        Rejected: 415, the kind does not take this format; 400 or 422, the patch cannot be applied.
    """
    patch = _parsed(body)
    if form == _JSON:
        return apply_json_patch(copied(current), patch)
    if not isinstance(patch, dict):
        raise bad_request(f"found a patch that is {type(patch).__name__}, expected an object")
    if form == _STRATEGIC:
        _check_strategic(kind, patch)
    return copied(merged(current, patch))  # type: ignore[no-any-return]  # a dict, as `current` is


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError as error:
        raise bad_request(f"the patch is not JSON: {error}") from error


def _check_strategic(kind: Kind, patch: Object) -> None:
    """Let pass what means the same as a merge patch: anything without lists and directives."""
    if kind in CUSTOM:
        raise unsupported(
            "strategic merge patches are for built-in kinds only: the body of the request was in an unknown format - "
            f"accepted media types include: {_JSON}, {_MERGE}"
        )
    place = next(_obstacles(patch, ""), None)
    if place is not None:
        raise unsupported(
            f"the sandbox takes strategic merge patches only where they mean the same as a merge patch, which is not "
            f"so at {place}: use kubectl replace, or kubectl patch --type=merge"
        )


def _obstacles(patch: Mapping[str, Any], path: str) -> Iterator[str]:
    for name, value in patch.items():
        place = f"{path}.{name}" if path else name
        if name.startswith("$") or isinstance(value, list):
            yield place
        elif isinstance(value, dict):
            yield from _obstacles(value, place)
