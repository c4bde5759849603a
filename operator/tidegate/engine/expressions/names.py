"""Which names an expression may use, and what is known of their types before anything runs.

A type is CEL's name for it (`string`, `list`, `dyn`, ...), with a question mark when the value may also be null;
`Fields` is an object whose fields are known, so that a misspelt one is a mistake; `Members` is a map from names that
somebody else checks, as those of tasks, to values of one known type.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

SIMPLE_TYPES = frozenset({"dyn", "bool", "int", "uint", "double", "string", "bytes", "list", "map"}) | {
    "timestamp",
    "duration",
}
"""The types that a name or a field may have; each also with a question mark."""


class Fields:
    """An object with these fields and no others.

    Args:
        types: the type of each field by its name.

    Raises:
        ValueError: a type is not one of `SIMPLE_TYPES`.
    """

    __slots__ = ("_hash", "_types")

    def __init__(self, types: Mapping[str, "NameType"]) -> None:
        for name, kind in types.items():
            check_type(name, kind)
        self._types = dict(types)
        self._hash = hash(frozenset(self._types.items()))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Fields) and self._types == other._types

    def __hash__(self) -> int:
        return self._hash

    def get(self, name: str) -> "NameType | None":
        """Give the type of a field, None when there is no such field."""
        return self._types.get(name)

    def names(self) -> tuple[str, ...]:
        """Give the fields' names in the order they were declared."""
        return tuple(self._types)


@dataclass(frozen=True, slots=True)
class Members:
    """A map from any name to a value of the type `of`."""

    of: "NameType"


NameType: TypeAlias = str | Fields | Members


def check_type(name: str, kind: NameType) -> None:
    """Refuse a type that no expression can have.

    Raises:
        ValueError: with the name that was declared so.
    """
    if isinstance(kind, str) and kind.removesuffix("?") not in SIMPLE_TYPES:
        raise ValueError(f"{name} is declared as {kind!r}; CEL's types here are {', '.join(sorted(SIMPLE_TYPES))}")
