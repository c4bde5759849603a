"""Operations on JSON trees: what is stored is shared, so nothing here changes what it is given."""

from typing import Any

Object = dict[str, Any]
"""A Kubernetes object. What the world hands out is stored and shared: never change it in place."""

Objects = list[Object]


_PLAIN = frozenset((str, int, bool, type(None)))
"""Types of which copies share the value: most of any tree, so they are not worth a call each."""


def copied(value: Any) -> Any:
    """Copy a JSON tree; whole floats become integers, as they do on their way through a real API server."""
    if type(value) is dict:
        return {name: part if type(part) in _PLAIN else copied(part) for name, part in value.items()}
    if type(value) is list:
        return [part if type(part) in _PLAIN else copied(part) for part in value]
    if type(value) is float and value.is_integer():
        return int(value)
    return value


def merged(target: Any, patch: Any) -> Any:
    """Apply a JSON merge patch (RFC 7386).

    As with a real API server, nulls vanish everywhere inside the patch, also within lists.
    """
    if not isinstance(patch, dict):
        return without_nulls(patch)
    result = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merged(result.get(name), value)
    return result


def without_nulls(value: Any) -> Any:
    """Copy a JSON tree without the null fields of its objects."""
    if isinstance(value, dict):
        return {
            name: part if type(part) in _PLAIN else without_nulls(part)
            for name, part in value.items()
            if part is not None
        }
    if isinstance(value, list):
        return [without_nulls(part) for part in value]
    return copied(value)


def without(tree: Object, *names: str) -> Object:
    """Give the object without some of its fields."""
    return {name: value for name, value in tree.items() if name not in names}
