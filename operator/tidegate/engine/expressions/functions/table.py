"""How functions are found: by name and the types of the arguments, as CEL's overloads are.

An implementation takes the meter first. It need not check types, but must charge for work that grows with its
arguments, and allocate what it makes before making it.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from tidegate.engine.expressions.budget import Meter
from tidegate.engine.expressions.faults import Fault
from tidegate.engine.expressions.values import kinds_of, type_of

Implementation: TypeAlias = Callable[..., Any]
ANY = object
"""In a table: an argument of any type; the implementation looks at it itself."""

Table: TypeAlias = Mapping[tuple[str, *tuple[type, ...]], Implementation]
"""`(name, type of each argument)` to what is called."""

_OPERATORS = {"@in": "in", "_[_]": "[]", "_?_:_": "? :", "math.@max": "math.greatest", "math.@min": "math.least"}
_OPERATORS |= {"@sortByAssociatedKeys": "sortBy"}


@dataclass(slots=True)
class Function:
    """All overloads of one name: `by_types` those of exact types, `by_count` those that take anything."""

    name: str
    by_types: dict[tuple[type, ...], Implementation] = field(default_factory=dict)
    by_count: dict[int, Implementation] = field(default_factory=dict)

    def find(self, arguments: tuple[Any, ...]) -> Implementation:
        """Give what is called for these arguments.

        Raises:
            Fault: nothing is: the message has the types and what usually helps.
        """
        implementation = self.by_types.get(tuple(map(type_of, arguments)))
        if implementation is None:
            raise no_overload(self.name, *arguments)
        return implementation


def joined(tables: Iterable[Table]) -> dict[str, Function]:
    """Give one function for each name of the tables."""
    functions: dict[str, Function] = {}
    for table in tables:
        for (name, *types), implementation in table.items():
            function = functions.setdefault(name, Function(name))
            if types and all(kind is ANY for kind in types):
                function.by_count[len(types)] = implementation
            else:
                function.by_types[tuple(types)] = implementation
    return functions


def no_overload(name: str, *arguments: Any) -> Fault:
    """Give the error of a function or operator that does not take arguments of these types."""
    kinds = kinds_of(arguments)
    return Fault(f'"{shown(name)}" does not take {kinds}{hint(kinds)}')


def shown(name: str) -> str:
    """Give a function's name as people write it: `+` for `_+_`."""
    return _OPERATORS.get(name) or (name.strip("_") if name.endswith("_") else name)


def hint(kinds: str) -> str:
    """Give the advice for types that do not go together, given as `(int, string)`; often empty."""
    if "null" in kinds:
        return ': replace null first, as in "x == null ? 0 : x"'
    if "int" in kinds and "double" in kinds:
        return ": convert with double(...) or int(...)"
    if "string" in kinds and ("int" in kinds or "double" in kinds):
        return ": convert with string(...), int(...) or double(...)"
    if "optional" in kinds:
        return ": end the optional with .orValue(...)"
    return ""


def linear(implementation: Callable[..., Any]) -> Implementation:
    """Wrap a pure function whose time and result grow no faster than its text, bytes and list arguments."""

    def metered(meter: Meter, *arguments: Any) -> Any:
        length = sum(len(argument) for argument in arguments if isinstance(argument, str | bytes | list))
        meter.charge_text(length)
        result = implementation(*arguments)
        if isinstance(result, str | bytes):
            meter.allocate(result.__sizeof__())
        return result

    return metered
