"""Checks the types of fields: `tasks.a.succeeded + " files"` adds an int and a string.

CEL's checker knows objects with fields only as protobuf messages. So each access to a field of a known type is
written over, in the text, by a variable of that type and spaces up to the same length, and the text is checked once
more: places stay what they are.
"""

import re
from collections.abc import Iterable, Iterator, Mapping

from tidegate.engine.expressions.access import Access
from tidegate.engine.expressions.library import Variables
from tidegate.engine.expressions.names import SIMPLE_TYPES, Fields, Members, NameType
from tidegate.engine.expressions.tree import Index, Node, Select

_CHECKABLE = (SIMPLE_TYPES - {"dyn"}) | {f"{kind}?" for kind in SIMPLE_TYPES - {"dyn", "list", "map"}}
_PREFIX = "__"
_STAND_INS = {kind: f"{_PREFIX}{number:x}" for number, kind in enumerate(sorted(_CHECKABLE))}
_NAME = r"[A-Za-z_]\w*"
_KEY = r"""\[[ \t]*(?:"[^"\\\n]*"|'[^'\\\n]*')[ \t]*\]"""
_CHAIN = re.compile(rf"{_NAME}(?:[ \t]*\.[ \t]*{_NAME}|[ \t]*{_KEY})*", re.ASCII)
_LAST = {Select: re.compile(rf"\.[ \t]*{_NAME}", re.ASCII), Index: re.compile(_KEY)}


def stand_ins() -> Variables:
    """Give the variables that stand for fields, one for each type."""
    return frozenset((name, kind) for kind, name in _STAND_INS.items())


def retyped(text: str, found: Iterable[Access], names: Mapping[str, NameType]) -> str | None:
    """Give the text with stand-ins for fields of known types, None when it has none."""
    if _PREFIX in text:
        return None  # a variable of a loop may have the name of a stand-in
    spans = {span for access in found if access.is_contiguous for span in _typed_spans(text, access, names)}
    if not spans:
        return None
    pieces: list[str] = []
    position = 0
    for start, end, kind in sorted(spans):
        pieces += (text[position:start], _STAND_INS[kind].ljust(end - start))
        position = end
    return "".join([*pieces, text[position:]])


def _typed_spans(text: str, access: Access, names: Mapping[str, NameType]) -> Iterator[tuple[int, int, str]]:
    """Give the start, the end and the type of the part of an access that ends at a field of a known simple type."""
    kind: NameType | None = names.get(access.path[0])
    for name, node in zip(access.path[1:], access.nodes[1:], strict=True):
        kind = kind.get(name) if isinstance(kind, Fields) else kind.of if isinstance(kind, Members) else None
        if isinstance(kind, str) and kind in _STAND_INS:
            start, end = access.nodes[0].offset, _end_of(text, node)
            if end is not None and _CHAIN.fullmatch(text, start, end) and end - start >= len(_STAND_INS[kind]):
                yield start, end, kind


def _end_of(text: str, node: Node) -> int | None:
    """Give where the last element of an access ends; None for `has`, optional and computed ones."""
    if type(node) not in _LAST or (isinstance(node, Index) and node.optional):
        return None
    match = _LAST[type(node)].match(text, node.offset)
    return None if match is None else match.end()
