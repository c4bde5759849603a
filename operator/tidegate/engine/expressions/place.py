"""Places in a text: offsets in code points counted from zero, lines and columns counted from one."""

from typing import TypeAlias

Place: TypeAlias = tuple[int, int]
"""Line and column."""


def place_of(text: str, offset: int) -> Place:
    """Give the line and column of an offset."""
    return text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset)


def moved(place: Place, start: Place) -> Place:
    """Give a place inside a part of a text as a place in the whole, where the part starts at `start`.

    (0, 0), which is no place, becomes the start.
    """
    line, column = place
    if line == 0:
        return start
    return (start[0], start[1] + column - 1) if line == 1 else (start[0] + line - 1, column)
