"""What is told of each task beside its letter: reason, message and times; kept in the rows of status."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tidegate.api.conditions import instant_of, timestamp

MAX_ROWS = 64
MAX_MESSAGE = 512


@dataclass(frozen=True, slots=True)
class Record:
    """The story of one task. Times are seconds since the epoch."""

    reason: str = ""
    message: str = ""
    started: float | None = None
    finished: float | None = None

    def told(self, reason: str, message: str) -> "Record":
        """Give the record with another reason and message."""
        return Record(reason, shortened(message), self.started, self.finished)


def shortened(text: str, limit: int = MAX_MESSAGE) -> str:
    """Give a message that fits a row; control characters become visible, for it may come from anywhere."""
    clean = text if text.isprintable() else "".join(map(_visible, text))
    clean = clean.strip()
    return clean if len(clean) <= limit else f"{clean[: limit - 3]}..."


def _visible(character: str) -> str:
    if character.isprintable():
        return character
    return " " if character in "\n\r\t" else "\N{REPLACEMENT CHARACTER}"


def told_of(item: int, reason: str, message: str) -> str:
    """Tell of one item of a fan-out."""
    return f"item {item}: {reason}{': ' + message if message else ''}"


def parse_rows(rows: Iterable[Mapping[str, Any]], slots: Mapping[str, int]) -> dict[int, Record]:
    """Read `status.tasks` back."""
    return {
        slots[row["name"]]: Record(
            row.get("reason", ""),
            row.get("message", ""),
            instant_of(row.get("startTime")),
            instant_of(row.get("completionTime")),
        )
        for row in rows
        if row.get("name") in slots
    }


def row(name: str, state: str, record: Record, **more: Any) -> dict[str, Any]:
    """Give one row of `status.tasks`; what is not known is left out."""
    times = {"startTime": record.started, "completionTime": record.finished}
    known = {key: timestamp(value) for key, value in times.items() if value is not None}
    words = {key: value for key, value in (("reason", record.reason), ("message", record.message)) if value}
    return {"name": name, "state": state, **words, **{k: v for k, v in more.items() if v}, **known}
