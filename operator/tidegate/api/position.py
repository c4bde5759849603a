"""Where a value stands in its file, and where a place inside a string stands.

Lines and columns count from one; a column is a character. The nodes are walked only when somebody asks: a manifest
without mistakes pays nothing.
"""

import re
from collections.abc import Sequence

import yaml

from tidegate.api.syntax import LINE_BREAK

Place = tuple[int, int]

_PROPERTIES = re.compile(r"(?:[!&]\S*\s+)*")
_ESCAPE = re.compile(r"\\(?:x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|.)", re.DOTALL)


def place_of(root: yaml.Node, keys: Sequence[str | int], *, key: bool = False) -> Place:
    """Give the place of the value that `keys` lead to, or of its key; of the nearest ancestor if it is not there."""
    found, key_node, missing = _walk(root, keys)
    mark = key_node.start_mark if key and key_node is not None and not missing else found.start_mark
    return mark.line + 1, mark.column + 1


def place_in(root: yaml.Node, keys: Sequence[str | int], source: str, line: int, column: int) -> Place:
    """Give the place of line and column (from one) of a string's text; of the value if the text is elsewhere.

    Exact in block literals and in plain or quoted text on one line. In text that is folded from several lines it is
    the same word there, or the beginning of the text.
    """
    node, _, missing = _walk(root, keys)
    if missing or not isinstance(node, yaml.ScalarNode):
        return place_of(root, keys)
    if node.style == "|":
        return _in_literal(node, source, line, column)
    offset = _offset(node.value, line, column)
    if node.style != ">" and node.start_mark.line == node.end_mark.line:
        return node.start_mark.line + 1, node.start_mark.column + 1 + _written(node, source, offset)
    return _in_folded(node, source, offset)


def _walk(root: yaml.Node, keys: Sequence[str | int]) -> tuple[yaml.Node, yaml.Node | None, bool]:
    """Follow keys as far as they go: the last node, the node of its key, and whether keys were left over."""
    node, key_node = root, None
    for key in keys:
        step = _child(node, key)
        if step is None:
            return node, key_node, True
        key_node, node = step
    return node, key_node, False


def _child(node: yaml.Node, key: str | int) -> tuple[yaml.Node | None, yaml.Node] | None:
    if isinstance(node, yaml.MappingNode):
        return next(((k, v) for k, v in node.value if isinstance(k, yaml.ScalarNode) and k.value == key), None)
    if isinstance(node, yaml.SequenceNode) and isinstance(key, int) and 0 <= key < len(node.value):
        return None, node.value[key]
    return None


def _offset(text: str, line: int, column: int) -> int:
    lines = text.split("\n")
    before = sum(len(row) + 1 for row in lines[: line - 1])
    return min(before + max(column, 1) - 1, len(text))


def _in_literal(node: yaml.ScalarNode, source: str, line: int, column: int) -> Place:
    """The lines of a literal stand verbatim, each behind the same indentation."""
    rows = node.value.split("\n")
    first = node.start_mark.line + 1
    written = LINE_BREAK.split(source)
    indents = (len(written[first + number]) - len(row) for number, row in enumerate(rows) if row.strip())
    return first + max(line, 1), next(indents, 0) + max(column, 1)


def _written(node: yaml.ScalarNode, source: str, offset: int) -> int:
    """Give the columns from the node's beginning to the character that became the text's `offset`-th."""
    raw = source[node.start_mark.index : node.end_mark.index]
    position = _properties_end(raw)
    if node.style not in ("'", '"'):
        return position + offset
    position += 1
    for _ in range(offset):
        position += _width(raw, position, node.style)
    return position


def _width(raw: str, position: int, style: str) -> int:
    """Columns that one character of the text takes between quotes."""
    if style == "'":
        return 2 if raw.startswith("''", position) else 1
    escape = _ESCAPE.match(raw, position)
    return len(escape[0]) if escape else 1


def _properties_end(raw: str) -> int:
    match = _PROPERTIES.match(raw)
    return match.end() if match else 0


def _in_folded(node: yaml.ScalarNode, source: str, offset: int) -> Place:
    """Find the word again: folding changes only white space, so the n-th of its kind is the n-th in the source."""
    raw = source[node.start_mark.index : node.end_mark.index]
    before, rest = re.split(r"\s", node.value[:offset])[-1], re.match(r"\S*", node.value[offset:])
    word = before + (rest[0] if rest else "")
    count = node.value.count(word, 0, offset - len(before)) if word else 0
    starts = [match.start() for match in re.finditer(re.escape(word), raw)] if word else []
    at = starts[count] + len(before) if count < len(starts) else _properties_end(raw)
    breaks = list(LINE_BREAK.finditer(raw, 0, at))
    column = at - breaks[-1].end() if breaks else node.start_mark.column + at
    return node.start_mark.line + 1 + len(breaks), column + 1
