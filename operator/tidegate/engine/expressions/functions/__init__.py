"""What expressions may call: one table for each subject, joined here. What is in no table is not allowed."""

from tidegate.engine.expressions.functions import (
    conversions,
    encoders,
    formatting,
    lists,
    numbers,
    optionals,
    patterns,
    sets,
    strings,
    times,
)
from tidegate.engine.expressions.functions.table import Function, Table, joined

_TABLES: tuple[Table, ...] = (
    numbers.TABLE,
    strings.TABLE,
    formatting.TABLE,
    patterns.TABLE,
    encoders.TABLE,
    lists.TABLE,
    sets.TABLE,
    times.TABLE,
    conversions.TABLE,
    optionals.TABLE,
)

FUNCTIONS: dict[str, Function] = joined(_TABLES)
"""Every function and ordinary operator by the name it has in the tree."""
