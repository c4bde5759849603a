"""The only importer of the CEL library: Google's parser, macro expander and type checker behind three functions.

Its evaluator is not used: it takes references from None on CPython 3.11 and knows no budget. Compiled programs are
thrown away as soon as their tree is read.
"""

import contextlib
import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass

from cel_expr_python import cel

from tidegate.engine.expressions.tree import Node
from tidegate.engine.expressions.wire import read_tree
from tidegate.errors import ExpressionError

MAX_TREE_BYTES = 256 * 1024
"""What the tree of an expression may take in the library's own form."""

MAX_EXPANDED_LENGTH = 300_000
"""`optMap` and `optFlatMap` copy what they are applied to, so a chain of thirty doubles the tree thirty times, and the
library looks at its size too late: the host runs out of memory. So the text is bounded as if each doubled all of it.
"""

_EXTENSIONS = ("strings", "optional", "bindings", "lists", "sets", "math", "regex", "encoders")
_TYPES = {
    "dyn": cel.Type.DYN,
    "bool": cel.Type.BOOL,
    "int": cel.Type.INT,
    "uint": cel.Type.UINT,
    "double": cel.Type.DOUBLE,
    "string": cel.Type.STRING,
    "bytes": cel.Type.BYTES,
    "list": cel.Type.List(cel.Type.DYN),
    "map": cel.Type.Map(cel.Type.STRING, cel.Type.DYN),
    "timestamp": cel.Type.TIMESTAMP,
    "duration": cel.Type.DURATION,
    # a message, and so these two, may be null in CEL anyway
    "timestamp?": cel.Type.TIMESTAMP,
    "duration?": cel.Type.DURATION,
    "bool?": cel.Type("google.protobuf.BoolValue"),
    "int?": cel.Type("google.protobuf.Int64Value"),
    "uint?": cel.Type("google.protobuf.UInt64Value"),
    "double?": cel.Type("google.protobuf.DoubleValue"),
    "string?": cel.Type("google.protobuf.StringValue"),
    "bytes?": cel.Type("google.protobuf.BytesValue"),
}
_PLACE = re.compile(r"<input>:(-?\d+):(-?\d+): (.*)")
_STATUS = re.compile(r"^[A-Z_]+: (?:ERROR: )?| \[[A-Z_]+\]$")

Variables = frozenset[tuple[str, str]]
"""Names and their types; a type that the library has no word for counts as `dyn`."""


class Refused(ExpressionError):
    """The library does not accept the text; `message` is its own first sentence, `place` where it saw the mistake."""


@dataclass(frozen=True, slots=True)
class Checked:
    """A text that passed the type checker: its tree, and CEL's name for the type of its result."""

    tree: Node
    result_type: str


def check(text: str, variables: Variables) -> Checked:
    """Parse the text, expand its macros and check its types.

    Raises:
        Refused: with the library's sentence and place.
    """
    _refuse_unfit(text)
    with _refusing():
        program = _environment(variables).compile(text)
        result_type = _type_name(program.return_type().name())  # fails for a map with doubles as keys
    return Checked(_tree(program), result_type)


def result_type(text: str, variables: Variables) -> str:
    """Check the types of a text and give CEL's name for the type of its result.

    Raises:
        Refused: with the library's sentence and place.
    """
    _refuse_unfit(text)
    with _refusing():
        return _type_name(_environment(variables).compile(text).return_type().name())


def parse(text: str) -> Node:
    """Parse the text and expand its macros, whatever its names and types are.

    Raises:
        Refused: with the library's sentence and place.
    """
    _refuse_unfit(text)
    with _refusing():
        program = _environment(frozenset()).compile(text, disable_check=True)
    return _tree(program)


def _refuse_unfit(text: str) -> None:
    """Refuse what the library cannot be given: lone surrogates, and what would take all memory."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise Refused("Syntax error: the text is not valid Unicode") from None
    doublings = text.count("optMap") + text.count("optFlatMap")
    if len(text) << doublings > MAX_EXPANDED_LENGTH:
        raise Refused("Maximum expression node count exceeded")


@contextlib.contextmanager
def _refusing() -> Iterator[None]:
    """Turn the library's errors into ours."""
    try:
        yield
    except RuntimeError as error:
        raise _refusal(str(error)) from None


def _tree(program: cel.Expression) -> Node:
    serialized = program.serialize()
    if len(serialized) > MAX_TREE_BYTES:
        raise Refused("Maximum expression node count exceeded")
    return read_tree(serialized)


@functools.cache
def _configuration() -> cel.EnvConfig:
    lines = ["name: tidegate", "extensions:", *(f"- name: {extension}" for extension in _EXTENSIONS)]
    return cel.NewEnvConfigFromYaml("\n".join(lines))


@functools.lru_cache(maxsize=64)
def _environment(variables: Variables) -> cel.Env:
    types = {name: _TYPES.get(kind, cel.Type.DYN) for name, kind in variables}
    return cel.NewEnv(config=_configuration(), variables=types)


def _refusal(text: str) -> Refused:
    """Turn the library's message, of which each line but the first repeats or draws, into an error."""
    first = text.split("\n", 1)[0]
    place = _PLACE.search(first)
    if place is None:
        return Refused(_STATUS.sub("", first))
    line, column = max(int(place[1]), 0), max(int(place[2]), 0)
    return Refused(_STATUS.sub("", place[3]), line=line, column=column)


def _type_name(name: str) -> str:
    """Give `list` for `LIST<STRING>`, `string` for `STRING`."""
    return name.split("<", 1)[0].lower().removesuffix("_type")
