"""Regular expressions: `matches` and the extension `regex`, by RE2, which never backtracks.

Its time is bounded by the size of the program times the length of the text; that product is charged, because a
program that outgrows its cache of states does take that long.
"""

import functools
from typing import Any

import re2

from tidegate.engine.expressions.budget import Meter
from tidegate.engine.expressions.faults import Fault
from tidegate.engine.expressions.functions.table import Table
from tidegate.engine.expressions.values import NOTHING, Optional

MAX_PATTERN_LENGTH = 1000
"""Characters of a pattern; larger ones can take megabytes once compiled."""

_MAX_PROGRAM_BYTES = 512 * 1024
_IN_USE = 16
_COMPILE_STEPS = 400
_INSTRUCTIONS_PER_STEP = 64
_MATCH_STEPS = 30
_GROUP_DIGITS = frozenset("0123456789")


def compiled(pattern: str) -> Any:
    """Give the compiled pattern.

    Raises:
        Fault: the pattern is not one of RE2, or too large.
    """
    if len(pattern) > MAX_PATTERN_LENGTH:
        raise Fault(f"the regular expression has more than {MAX_PATTERN_LENGTH} characters")
    return _compiled(pattern)


@functools.lru_cache(maxsize=_IN_USE)
def _compiled(pattern: str) -> Any:
    options = re2.Options()
    options.max_mem = _MAX_PROGRAM_BYTES
    options.log_errors = False
    try:
        return re2.compile(pattern, options=options)
    except (re2.error, UnicodeError) as error:
        reason = error.args[0] if error.args else error
        reason = reason.decode(errors="replace") if isinstance(reason, bytes) else reason
        raise Fault(f"the regular expression is not valid: {reason}") from None


def _program(meter: Meter, text: str, pattern: str) -> Any:
    """Give the compiled pattern and charge for running it over the text once."""
    in_use = meter.patterns = {} if meter.patterns is None else meter.patterns
    program = in_use.get(pattern)
    if program is None:
        if len(in_use) == _IN_USE:
            in_use.clear()
        meter.charge(_COMPILE_STEPS + 10 * len(pattern))
        program = in_use[pattern] = compiled(pattern)
        meter.charge(program.programsize * 2)
    meter.charge((len(text) + 1) * program.programsize // _INSTRUCTIONS_PER_STEP + 5)
    meter.allocate(len(text))
    return program


def _matches(meter: Meter, text: str, pattern: str) -> bool:
    return _program(meter, text, pattern).search(text) is not None


def _extract(meter: Meter, text: str, pattern: str) -> Optional:
    program = _one_group(_program(meter, text, pattern), pattern)
    match = program.search(text)
    if match is None:
        return NOTHING
    meter.allocate(text.__sizeof__())
    return Optional(_captured(match, program.groups))


def _extract_all(meter: Meter, text: str, pattern: str) -> list[str]:
    program = _one_group(_program(meter, text, pattern), pattern)
    found = []
    for match in program.finditer(text):
        captured = _captured(match, program.groups)
        meter.charge(_MATCH_STEPS)
        meter.allocate(64 + len(captured))
        if captured:
            found.append(captured)
    return found


def _one_group(program: Any, pattern: str) -> Any:
    if program.groups > 1:
        raise Fault(f'the regular expression "{pattern}" has more than one group: write the others as (?:...)')
    return program


def _captured(match: Any, groups: int) -> str:
    return match.group(1 if groups else 0) or ""


def _replace(meter: Meter, text: str, pattern: str, template: str, limit: int = -1) -> str:
    program = _program(meter, text, pattern)
    pieces = _template_pieces(template, program.groups)
    result: list[str] = []
    position, last_end, left = 0, -1, limit if limit >= 0 else len(text) + 1
    for match in program.finditer(text) if left else ():
        if match.start() == match.end() == last_end:
            continue  # an empty match right behind the last one is not one of its own
        written = "".join(piece if isinstance(piece, str) else match.group(piece) or "" for piece in pieces)
        meter.charge(_MATCH_STEPS + len(written) // 64)
        meter.allocate(written.__sizeof__() + 64)
        result += (text[position : match.start()], written)
        position = last_end = match.end()
        left -= 1
        if not left:
            break
    meter.allocate(text.__sizeof__())
    return "".join([*result, text[position:]])


def _template_pieces(template: str, groups: int) -> list[str | int]:
    r"""Give a replacement as text and numbers of groups: `\1` is the first group, `\0` the match, `\\` a backslash."""
    pieces: list[str | int] = []
    rest = template
    while rest:
        before, backslash, rest = rest.partition("\\")
        pieces.append(before)
        if not backslash:
            break
        pieces.append(_reference(rest[:1], template, groups))
        rest = rest[1:]
    return pieces


def _reference(mark: str, template: str, groups: int) -> str | int:
    if mark == "\\":
        return mark
    if mark not in _GROUP_DIGITS:
        raise Fault(f'the replacement "{template}" has a backslash that is followed by neither a digit nor a backslash')
    if int(mark) > groups:
        raise Fault(f'the replacement "{template}" names group {mark}, the regular expression has {groups}')
    return int(mark)


TABLE: Table = {
    ("matches", str, str): _matches,
    ("regex.extract", str, str): _extract,
    ("regex.extractAll", str, str): _extract_all,
    ("regex.replace", str, str, str): _replace,
    ("regex.replace", str, str, str, int): _replace,
}

PATTERN_FUNCTIONS = frozenset(name for name, *_ in TABLE)
"""The functions that take a pattern, as their second argument; a constant one is tried when compiling."""
