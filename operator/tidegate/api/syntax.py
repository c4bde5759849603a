"""What libyaml and PyYAML call a syntax error, said in plain words with the place where one looks for it."""

import re
from collections.abc import Callable

import yaml

from tidegate.api.words import shown
from tidegate.errors import Problem

LINE_BREAK = re.compile(r"\r\n|[\r\n\x85\u2028\u2029]")
"""Where libyaml begins a new line."""

UNPRINTABLE = re.compile("[^\t\n\r -~\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that no YAML may hold as they are."""

_TAB = "a tab is used as indentation: YAML indents with spaces; replace the tab"

Place = tuple[int, int]
"""Line and column, counted from zero as the libraries do."""

_SAYINGS: list[tuple[str, Callable[[str, str], str]]] = [
    (r"tab character", lambda _found, _opened: _TAB),
    (r"cannot start any token", lambda found, _: f"text cannot begin with {found}: put it in quotes"),
    (
        r"mapping values are not allowed",
        lambda _found, _opened: (
            "a colon stands where no key can be: check the indentation, or put text that has a colon in quotes"
        ),
    ),
    (
        r"sequence entries are not allowed",
        lambda _found, _opened: 'a list item cannot stand here: begin "- " on a line of its own below the key',
    ),
    (r"'[,:]' (?:or|and) '?\]|,' or ']'", lambda found, opened: f'expected "," or "]"{opened}, found {found}'),
    (r",' or '}'", lambda found, opened: f'expected "," or "}}"{opened}, found {found}'),
    (r"expected ':'", lambda _found, _opened: 'a key without its colon: expected "key: value"'),
    (r"unexpected (?:end of stream|document)", lambda _found, _opened: "the quote that opens here is never closed"),
    (
        r"indentation indicator (?:equal|in)",
        lambda _found, _: 'the number after "|" or ">" is an indentation from 1 to 9',
    ),
    (
        r"escape|hexdecimal|hexadecimal",
        lambda _found, _opened: (
            'a backslash begins an escape that is not known: write "\\\\" for a backslash, or use single quotes'
        ),
    ),
    (r"undefined alias", lambda found, _: f"the alias that begins with {found} here has no anchor above it"),
    (r"second occurrence", lambda _found, _opened: "this anchor was defined before: choose another name"),
    (r"nesting", lambda _found, _opened: "too many lists and mappings inside each other"),
    (r"tag handle", lambda _found, _opened: "this tag is not known: a manifest holds only what JSON can"),
    (
        r"indentation indicators|comment or line break",
        lambda _found, _opened: 'the text of a block begins on the line after "|" or ">"',
    ),
    (
        r"document start",
        lambda found, _: f'the document ended above, yet {found} follows: check the indentation, or write "---"',
    ),
    (r"'-' indicator", lambda found, opened: f'expected "- " of the next list item{opened}, found {found}'),
    (
        r"expected key|block end",
        lambda found, opened: f"found {found} where a key or the end is expected{opened}: check the indentation",
    ),
    (
        r"alphabetic or numeric|white ?space or line ?break",
        lambda _found, _: 'text beginning with "&", "*" or "!" needs quotes',
    ),
    (
        r"directive|incompatible",
        lambda _found, _: 'a line that begins with "%" is not taken: put it in quotes, or remove it',
    ),
    (r"mapping keys are not allowed", lambda _found, _: 'text cannot begin with "? ": put it in quotes'),
    (r"node content", lambda found, _: f"expected a value, found {found}"),
]
_AT_THE_OPENING = re.compile(r"unexpected end of stream|unexpected document|expected ':'")
_NO_OPENING_WORTH_TELLING = re.compile(r"simple key|token|quoted|anchor|alias|tag|directive|plain|block scalar")


def unprintable_problem(text: str, file: str) -> Problem | None:
    """Find the first character that YAML does not allow at all, None when there is none."""
    match = UNPRINTABLE.search(text)
    if match is None:
        return None
    breaks = list(LINE_BREAK.finditer(text, 0, match.start()))
    column = match.start() - (breaks[-1].end() if breaks else 0) + 1
    message = f"character U+{ord(match[0]):04X} is not allowed in YAML: remove it, or escape it in double quotes"
    return Problem(len(breaks) + 1, column, "", message, file)


def syntax_problem(error: yaml.YAMLError, text: str, file: str) -> Problem:
    """Say in plain words what is wrong and where, with what the parser opened and could not finish."""
    if not isinstance(error, yaml.MarkedYAMLError):
        return Problem(0, 0, "", f"not YAML: {error}", file)
    problem, context = error.problem or "", error.context or ""
    mark, opening = error.problem_mark or error.context_mark, error.context_mark
    if opening is not None and _AT_THE_OPENING.search(problem):
        mark = opening
    line, column = (mark.line, mark.column) if mark else (0, 0)
    lines = LINE_BREAK.split(text)
    if "flow" not in context and (tab := _tab_in_indentation(lines, line)) is not None:
        return Problem(line + 1, tab + 1, "", _TAB, file)
    opened = "" if opening is None or _NO_OPENING_WORTH_TELLING.search(context) else _opened(context, opening)
    return Problem(line + 1, column + 1, "", _say(problem, context, _found(lines, line, column), opened), file)


def _say(problem: str, context: str, found: str, opened: str) -> str:
    for pattern, say in _SAYINGS:
        if re.search(pattern, problem):
            return say(found, opened)
    return f"{problem} {context}".strip()


def _opened(context: str, mark: yaml.Mark) -> str:
    kind = "mapping" if "mapping" in context else "list"
    return f" in the {kind} of line {mark.line + 1}"


def _found(lines: list[str], line: int, column: int) -> str:
    rest = lines[line][column:] if line < len(lines) else ""
    if rest.startswith("\t"):
        return "a tab"
    rest = rest.strip()
    return shown(rest[:1] if rest[:1] in "@`%*" else rest.split(" ", 1)[0]) if rest else "the end of the line"


def _tab_in_indentation(lines: list[str], line: int) -> int | None:
    indentation = re.match(r"\s*", lines[line]) if line < len(lines) else None
    column = indentation[0].find("\t") if indentation else -1
    return column if column >= 0 else None
