"""`$(NAME)` in commands, arguments and environment values, as Kubernetes replaces it.

`$$` gives `$`, so that `$$(NAME)` is kept as text; a name that is not known stays as it is written.
"""

import re
from collections.abc import Mapping

_REFERENCE = re.compile(r"\$(?:(?P<dollar>\$)|\((?P<name>[^)]*)\))")


def unknown(text: str, values: Mapping[str, str]) -> str | None:
    """Give the first name in `text` that is not known, None when all are."""
    names = (match["name"] for match in _REFERENCE.finditer(text) if not match["dollar"])
    return next((name for name in names if name not in values), None)


def expand(text: str, values: Mapping[str, str]) -> str:
    """Give `text` with every reference to one of `values` replaced, once: what comes in is not expanded again."""

    def replacement(match: re.Match[str]) -> str:
        return "$" if match["dollar"] else values.get(match["name"], match[0])

    return _REFERENCE.sub(replacement, text)
