"""Text as YAML nodes, each with its marks: PyYAML's parser in C where it is there, in Python elsewhere.

Only the composer is used. PyYAML's constructors and resolvers know YAML 1.1 and arbitrary Python objects; here plain
text stays untouched (an empty tag) until `documents` gives it the meaning of YAML 1.2.
"""

import re
from collections.abc import Iterator
from typing import Any, Protocol

import yaml
from yaml.composer import Composer
from yaml.parser import Parser
from yaml.reader import Reader
from yaml.scanner import Scanner

from tidegate.api.scalars import TAG

MAX_DEPTH = 64
"""Lists and mappings inside each other; a pod template needs some fifteen."""

UNRESOLVED = ""
"""The tag of a plain scalar, and of lists and mappings without an explicit tag."""


_INDENTATION = re.compile(r"^[ \t]+", re.MULTILINE)
"""JSON may be indented by tabs, which only the parser in C allows inside brackets."""


class TooDeep(Exception):
    """Collections are nested beyond `MAX_DEPTH`; `mark` is where the one too many begins."""

    def __init__(self, mark: Any) -> None:
        self.mark = mark
        super().__init__()


class Composing(Protocol):
    """A parser over one text."""

    def __init__(self, text: str) -> None: ...

    def check_node(self) -> bool:
        """Whether another document follows."""

    def get_node(self) -> yaml.Node | None:
        """Give the next document's root."""


class _Resolver:
    """Leaves tags as they are written, and ends parsing before nesting can exhaust the stack."""

    _depth = 0

    def resolve(self, kind: type[yaml.Node], _value: str | None, implicit: Any) -> str:
        is_quoted = kind is yaml.ScalarNode and not implicit[0]
        return f"{TAG}str" if is_quoted else UNRESOLVED

    def descend_resolver(self, parent: yaml.Node | None, _index: Any) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH + 1 and parent is not None:
            raise TooDeep(parent.start_mark)

    def ascend_resolver(self) -> None:
        self._depth -= 1


def _spaced(match: re.Match[str]) -> str:
    return match[0].replace("\t", " ")


class PurePythonParser(_Resolver, Reader, Scanner, Parser, Composer):
    """The same in Python, some fifteen times slower: for platforms where PyYAML has no C part."""

    def __init__(self, text: str) -> None:
        Reader.__init__(self, _INDENTATION.sub(_spaced, text) if text.lstrip().startswith(("{", "[")) else text)
        Scanner.__init__(self)
        Parser.__init__(self)
        Composer.__init__(self)


def parser_class() -> type[Composing]:
    """Give the fastest parser there is."""
    if not yaml.__with_libyaml__:
        return PurePythonParser
    from yaml._yaml import CParser  # noqa: PLC0415  exists only where PyYAML was built with libyaml

    class _CParser(_Resolver, CParser):
        pass

    return _CParser


_PARSER = parser_class()


def roots(text: str, parser: type[Composing] = _PARSER) -> Iterator[yaml.Node]:
    """Give the root node of each document.

    Raises:
        yaml.YAMLError: the text is not YAML.
        TooDeep: lists and mappings are nested beyond `MAX_DEPTH`.
    """
    composing = parser(text)
    while composing.check_node():
        node = composing.get_node()
        if node is not None:
            yield node
