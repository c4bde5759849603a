"""Finds names with a hyphen behind a dot: CEL reads `tasks.sign-off` as the difference of `tasks.sign` and `off`."""

import re
from collections.abc import Collection, Mapping

from tidegate.engine.expressions import library
from tidegate.engine.expressions.access import accesses
from tidegate.engine.expressions.names import Fields, Members, NameType
from tidegate.engine.expressions.place import place_of
from tidegate.errors import ExpressionError

_HYPHENATED = re.compile(r"(?<!\w)([A-Za-z_]\w*)\s*\.\s*([A-Za-z_]\w*(?:-\w+)+)", re.ASCII)


def hyphenated(text: str, names: Mapping[str, NameType], members: Collection[str]) -> ExpressionError | None:
    """Give the error of the first such name that exists, None when there is none.

    Args:
        text: the expression.
        names: the names it may use; the fields of `Fields` are among those that are looked for.
        members: the names that a `Members` has.
    """
    if "-" not in text:
        return None
    suspects = {match.start(): match for match in _HYPHENATED.finditer(text) if match[1] in names}
    if not suspects:
        return None
    for offset in _variables_at(text):  # what looks like one inside of a string is none
        if offset in suspects:
            root, written = suspects[offset].groups()
            name = _longest_known(written, _known(names[root], members))
            if name is not None:
                line, column = place_of(text, suspects[offset].start(2))
                message = f'a name with a hyphen needs {root}["{name}"] (a hyphen is a minus)'
                return ExpressionError(message, line=line, column=column)
    return None


def _variables_at(text: str) -> list[int]:
    """Give where the text has variables; nowhere if it is not CEL."""
    try:
        tree = library.parse(text)
    except library.Refused:
        return []
    return [access.nodes[0].offset for access in accesses(tree)]


def _known(kind: NameType, members: Collection[str]) -> Collection[str]:
    if isinstance(kind, Fields):
        return kind.names()
    return members if isinstance(kind, Members) else ()


def _longest_known(written: str, known: Collection[str]) -> str | None:
    """Give the longest beginning of `sign-off-1` that is a name with a hyphen."""
    pieces = written.split("-")
    beginnings = ("-".join(pieces[:length]) for length in range(len(pieces), 1, -1))
    return next((name for name in beginnings if name in known), None)
