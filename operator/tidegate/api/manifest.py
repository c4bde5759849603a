"""The edge where text becomes data: YAML (and JSON, which is YAML) with the place of everything in it.

Knows nothing of kinds and fields; `problems` tells what a model has against the data.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml

from tidegate.api.documents import Construction, Unfolded
from tidegate.api.nodes import MAX_DEPTH, TooDeep, roots
from tidegate.api.position import place_in, place_of
from tidegate.api.syntax import syntax_problem, unprintable_problem
from tidegate.errors import InvalidSpec, Problem

_BYTE_ORDER_MARK = "\ufeff"
_ESCAPED_PAIR = re.compile(r"(?<!\\)((?:\\\\)*)(\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})")


@dataclass(frozen=True, slots=True)
class Document:
    """One document of a file: `data` is plain JSON data, and each part of it knows its place."""

    data: Any
    file: str
    _root: yaml.Node = field(repr=False, compare=False)
    _source: str = field(repr=False, compare=False)

    def locate(self, keys: Sequence[str | int], *, key: bool = False) -> tuple[int, int]:
        """Give line and column, from one, of the value that `keys` lead to, or (`key=True`) of its key.

        What is not there is where its nearest ancestor is.
        """
        return place_of(self._root, keys, key=key)

    def locate_in(self, keys: Sequence[str | int], line_in_text: int, column_in_text: int) -> tuple[int, int]:
        """Give line and column in the file of a place (from one) inside the string that `keys` lead to.

        Exact for block literals and for text on one line, otherwise the same word or the beginning of the text.
        """
        return place_in(self._root, keys, self._source, line_in_text, column_in_text)


def load_documents(text: str, file: str = "") -> list[Document]:
    """Read all documents of a text; empty ones are dropped.

    Args:
        text: YAML 1.2 or JSON.
        file: the name that problems carry.

    Raises:
        InvalidSpec: not YAML, or YAML that no manifest may have; with all problems up to the first syntax error.
    """
    source = _with_joined_pairs(text.removeprefix(_BYTE_ORDER_MARK))
    if problem := unprintable_problem(source, file):
        raise InvalidSpec([problem])
    construction = Construction(file)
    documents, problems = _read(source, construction)
    problems += construction.problems
    if problems:
        raise InvalidSpec(sorted(problems))
    return documents


def _read(source: str, construction: Construction) -> tuple[list[Document], list[Problem]]:
    """Read documents up to the first mistake after which nothing can be read."""
    file, documents = construction.file, []
    try:
        for root in roots(source):
            data = construction.data_of(root)
            if data is not None:
                documents.append(Document(data, file, root, source))
    except yaml.YAMLError as error:
        return documents, [syntax_problem(error, source, file)]
    except TooDeep as error:
        message = f"lists and mappings are nested deeper than {MAX_DEPTH}"
        return documents, [Problem(error.mark.line + 1, error.mark.column + 1, "", message, file)]
    except Unfolded as error:
        mark = error.node.start_mark
        return documents, [Problem(mark.line + 1, mark.column + 1, "", error.message, file)]
    return documents, []


def _with_joined_pairs(text: str) -> str:
    r"""In JSON write what is escaped as a surrogate pair as one escape: libyaml refuses halves that JSON allows.

    Moves what follows on the same line by two columns.
    """
    if not text.lstrip().startswith(("{", "[")) or "\\u" not in text:
        return text
    return _ESCAPED_PAIR.sub(_joined, text)


def _joined(match: re.Match[str]) -> str:
    character = json.loads('"' + match[2] + '"')
    return f"{match[1]}\\U{ord(character):08x}"
