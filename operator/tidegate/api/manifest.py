"""Manifests as text: YAML in, plain data out, with line and column of every value for the errors that follow.

Refused here: duplicate keys, merge keys, aliases that multiply, nesting without end.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import yaml

from tidegate.api.scalars import plain
from tidegate.errors import InvalidSpec, Problem

Keys: TypeAlias = tuple[str | int, ...]

MAX_NODES = 200_000
"""Values of one document as written."""
MAX_ALIASED_NODES = 10_000
"""Values that aliases add to a document."""
MAX_DEPTH = 64

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class Document:
    """One document of a file: its data and where everything stands."""

    data: Any
    node: yaml.Node = field(repr=False)
    source: str = field(repr=False)
    file: str = ""

    def locate(self, keys: Sequence[str | int], *, key: bool = False) -> tuple[int, int]:
        """Give line and column, from one, of the value (or of its key); of the nearest ancestor when it is missing."""
        node, mark = self.node, self.node.start_mark
        for step in keys:
            found = _child(node, step)
            if found is None:
                break
            name, node = found
            mark = (name or node).start_mark if key else node.start_mark
        return mark.line + 1, mark.column + 1

    def locate_in(self, keys: Sequence[str | int], line: int, column: int) -> tuple[int, int]:
        """Give line and column, from one, of a place inside a string; exact in plain, quoted and literal ones."""
        node = self.node
        for step in keys:
            found = _child(node, step)
            if found is None:
                return self.locate(keys)
            node = found[1]
        start = node.start_mark
        if not isinstance(node, yaml.ScalarNode) or line < 1:
            return start.line + 1, start.column + 1
        if node.style in ("|", ">"):
            return start.line + 1 + line, self._indent(start.line + 1) + column
        quoted = 1 if node.style in ("'", '"') else 0
        return start.line + line, (start.column + quoted if line == 1 else 0) + column

    def _indent(self, line: int) -> int:
        """Give the columns before the text of a block whose first line has this index."""
        first = next((row for row in self.source.split("\n")[line:] if row.strip()), "")
        return len(first) - len(first.lstrip(" "))


def load_documents(text: str, file: str = "") -> list[Document]:
    """Read all documents of a file; empty ones are left out.

    Raises:
        InvalidSpec: with the syntax error, or every duplicate and merge key.
    """
    if "\0" in text:
        raise InvalidSpec([_at(text.count("\n", 0, text.index("\0")) + 1, 1, "a NUL character is not text", file)])
    loader = _Loader(text)
    documents, problems = [], []
    try:
        while loader.check_node():
            node = loader.get_node()
            if node is None:
                break
            builder = _Builder(file)
            data = builder.build(node, 0)
            problems += builder.problems
            if data is not None:
                documents.append(Document(data, node, text, file))
    except yaml.MarkedYAMLError as error:
        problems.append(_syntax(error, file))
    except yaml.YAMLError as error:
        problems.append(_at(1, 1, f"not YAML: {error}".replace("\n", " "), file))
    except RecursionError:
        problems.append(_at(1, 1, f"nested more than {MAX_DEPTH} deep", file))
    finally:
        loader.dispose()
    if problems:
        raise InvalidSpec(sorted(problems))
    return documents


class _TooLarge(yaml.MarkedYAMLError):
    """A document that would not fit."""


class _Builder:
    """Builds the data of one document from its nodes."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.problems: list[Problem] = []
        self._count = 0
        self._aliased = 0
        self._seen: set[int] = set()

    def build(self, node: yaml.Node, depth: int, *, aliased: bool = False) -> Any:
        aliased = aliased or id(node) in self._seen
        self._charge(node, depth, aliased=aliased)
        self._seen.add(id(node))
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node)
        if isinstance(node, yaml.SequenceNode):
            return [self.build(item, depth + 1, aliased=aliased) for item in node.value]
        return self._mapping(node, depth, aliased=aliased) if isinstance(node, yaml.MappingNode) else None

    def _charge(self, node: yaml.Node, depth: int, *, aliased: bool) -> None:
        self._count += 1
        self._aliased += aliased
        if depth > MAX_DEPTH:
            raise _TooLarge(problem=f"nested more than {MAX_DEPTH} deep", problem_mark=node.start_mark)
        if self._aliased > MAX_ALIASED_NODES:
            message = f"aliases add more than {MAX_ALIASED_NODES:,} values"
            raise _TooLarge(problem=message, problem_mark=node.start_mark)
        if self._count > MAX_NODES:
            raise _TooLarge(problem=f"more than {MAX_NODES:,} values", problem_mark=node.start_mark)

    def _scalar(self, node: yaml.ScalarNode) -> Any:
        if not _is_plain(node):
            return node.value
        try:
            return plain(node.value)
        except ValueError as error:
            self._problem(node, str(error))
            return None

    def _mapping(self, node: yaml.MappingNode, depth: int, *, aliased: bool) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key, value in node.value:
            name = self._key(key)
            if name is None:
                continue
            if name in result:
                self._problem(key, f'the key "{name}" is there twice')
            result[name] = self.build(value, depth + 1, aliased=aliased)
        return result

    def _key(self, node: yaml.Node) -> str | None:
        if not isinstance(node, yaml.ScalarNode):
            self._problem(node, "a key must be a string")
            return None
        if node.value == "<<" and _is_plain(node):
            self._problem(
                node, "merge keys (<<) are not part of YAML 1.2: write the fields out, or use an alias as a value"
            )
            return None
        return str(node.value)

    def _problem(self, node: yaml.Node, message: str) -> None:
        mark = node.start_mark
        self.problems.append(_at(mark.line + 1, mark.column + 1, message, self.file))


def _child(node: yaml.Node, step: str | int) -> tuple[yaml.Node | None, yaml.Node] | None:
    if isinstance(node, yaml.MappingNode):
        return next(((key, value) for key, value in node.value if key.value == str(step)), None)
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        return None, node.value[step]
    return None


def _is_plain(node: yaml.ScalarNode) -> bool:
    """Whether a scalar is written without quotes; the C parser says so in another way than the Python one."""
    return not node.style


def _syntax(error: yaml.MarkedYAMLError, file: str) -> Problem:
    mark = error.problem_mark or error.context_mark
    context = f" ({error.context})" if error.context else ""
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    message = str(error.problem) if isinstance(error, _TooLarge) else f"not YAML: {error.problem}{context}"
    return _at(line, column, message, file)


def _at(line: int, column: int, message: str, file: str) -> Problem:
    return Problem(line, column, "", message, file)
