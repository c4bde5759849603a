"""YAML nodes as plain JSON data, with every mistake that YAML allows and a manifest must not have.

Refused: the same key twice, merge keys, keys that are no text, tags beyond JSON's types, and aliases that unfold into
more than `MAX_ALIASED` nodes or into themselves.
"""

from typing import Any

import yaml

from tidegate.api.nodes import MAX_DEPTH, UNRESOLVED
from tidegate.api.paths import path_of
from tidegate.api.scalars import TAG, NoSuchValue, Scalar, plain_value, refuse_disputed, short_tag, tagged_value
from tidegate.api.words import shown
from tidegate.errors import Problem

MAX_ALIASED = 10_000
"""Nodes that aliases may add to one file; what is written out is bounded by the file itself."""

_TEXT_OF_A_NODE = 256
_MERGE = "<<"


class Unfolded(Exception):
    """Aliases unfold beyond all bounds; there is nothing more to read. `node` is where it was noticed."""

    def __init__(self, node: yaml.Node, message: str) -> None:
        self.node, self.message = node, message
        super().__init__(message)


class Construction:
    """The reading of one file: its budget of aliased nodes, and the problems found so far."""

    def __init__(self, file: str) -> None:
        self.problems: list[Problem] = []
        self.file = file
        self._aliased = 0
        self._seen: set[int] = set()
        self._path: list[str | int] = []

    def data_of(self, root: yaml.Node) -> Any:
        """Give the JSON data of a document; mistakes are added to `problems`.

        Raises:
            Unfolded: aliases unfold beyond all bounds.
        """
        self._seen.clear()  # identities of nodes hold only as long as their document lives
        self._path.clear()
        return self._value(root, 0, is_aliased=False)

    def _value(self, node: yaml.Node, depth: int, *, is_aliased: bool) -> Any:
        is_aliased = is_aliased or id(node) in self._seen
        self._seen.add(id(node))
        if is_aliased:
            self._pay(node)
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node)
        if depth >= MAX_DEPTH:
            raise Unfolded(node, f"lists and mappings are nested deeper than {MAX_DEPTH}, or an alias contains itself")
        if node.tag != UNRESOLVED and node.tag not in (f"{TAG}map", f"{TAG}seq", "!"):
            self._report(node, f"tag {short_tag(node.tag)} is not known: remove it")
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, depth + 1, is_aliased=is_aliased)
        return self._list(node, depth + 1, is_aliased=is_aliased)

    def _pay(self, node: yaml.Node) -> None:
        """Take an aliased node off the budget; long text counts as several, or little YAML becomes much JSON."""
        self._aliased += 1 + (len(node.value) // _TEXT_OF_A_NODE if isinstance(node, yaml.ScalarNode) else 0)
        if self._aliased > MAX_ALIASED:
            raise Unfolded(node, f"aliases unfold into more than {MAX_ALIASED} nodes: write less by alias")

    def _list(self, node: yaml.Node, depth: int, *, is_aliased: bool) -> list[Any]:
        items = []
        for index, child in enumerate(node.value):
            self._path.append(index)
            items.append(self._value(child, depth, is_aliased=is_aliased))
            self._path.pop()
        return items

    def _mapping(self, node: yaml.Node, depth: int, *, is_aliased: bool) -> dict[str, Any]:
        lines: dict[str, int] = {}
        data: dict[str, Any] = {}
        for key_node, child in node.value:
            key = self._key(key_node)
            if key is None:
                continue
            self._path.append(key)
            if key in lines:
                self._report(key_node, f"duplicate field {shown(key)}: it stands in line {lines[key]} already")
            lines.setdefault(key, key_node.start_mark.line + 1)
            data[key] = self._value(child, depth, is_aliased=is_aliased)
            self._path.pop()
        return data

    def _key(self, node: yaml.Node) -> str | None:
        """Give a key as JSON has it, always text; None after a report."""
        if not isinstance(node, yaml.ScalarNode):
            self._report(node, "a key must be text; if braces or brackets are meant as text, put them in quotes")
        elif node.tag == UNRESOLVED and node.value == _MERGE:
            self._report(node, 'merge keys ("<<") are not supported: write the fields out, or alias a whole value')
        elif node.tag == UNRESOLVED and plain_key_is_null(node.value):
            self._report(node, "a key is missing: expected text before the colon")
        else:
            return self._text_of_key(node)
        return None

    def _text_of_key(self, node: yaml.ScalarNode) -> str | None:
        """Give the key's text; None after a report that plain text is no key of that name to everybody."""
        try:
            if node.tag == UNRESOLVED:
                refuse_disputed(node.value)
        except NoSuchValue as error:
            self._report(node, str(error))
            return None
        return str(node.value)

    def _scalar(self, node: yaml.ScalarNode) -> Scalar:
        try:
            if node.tag == UNRESOLVED:
                return plain_value(node.value)
            return tagged_value(node.tag, node.value, is_plain=not node.style)
        except NoSuchValue as error:
            self._report(node, str(error))
            return None

    def _report(self, node: yaml.Node, message: str) -> None:
        mark = node.start_mark
        self.problems.append(Problem(mark.line + 1, mark.column + 1, path_of(self._path), message, self.file))


def plain_key_is_null(text: str) -> bool:
    """Whether a plain key is YAML's null, for which JSON has no key."""
    return text in ("", "~", "null", "Null", "NULL")
