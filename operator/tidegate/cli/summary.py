"""A run as people read it: a line a task, what it printed into its outputs, and how the run stands."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from tidegate.api.conditions import instant_of
from tidegate.cli.flowruns import outcome
from tidegate.logs import clean

_SHOWN = 160


def tree(run: Mapping[str, Any]) -> str:
    """Give the lines of a run, its tasks below it."""
    status = run.get("status") or {}
    rows = status.get("tasks") or []
    width = max((len(row["name"]) for row in rows), default=0)
    lines = [_head(run)]
    for index, row in enumerate(rows):
        last = index == len(rows) - 1 and not status.get("runOutputs")
        lines += _task(row, (status.get("outputs") or {}).get(row["name"]), width, last=last)
    hidden = (status.get("counts") or {}).get("total", len(rows)) - len(rows)
    if hidden > 0:
        lines.append(f"│  and {hidden} more")
    if status.get("runOutputs"):
        lines += ["└─ outputs", *_values(status["runOutputs"], "     ")]
    return "\n".join(clean(line) for line in lines)


def seconds(row: Mapping[str, Any]) -> str:
    """Give how long something took, such as `3 s`; empty while that is not known."""
    start, end = instant_of(row.get("startTime")), instant_of(row.get("completionTime"))
    return f"{end - start:.0f} s" if start is not None and end is not None else ""


def _head(run: Mapping[str, Any]) -> str:
    status, ended = run.get("status") or {}, outcome(run)
    word = (
        "Running" if ended is None else "Succeeded" if ended[0] else "Failed" if ended[1] != "Cancelled" else ended[1]
    )
    parts = [run["metadata"]["name"], word, status.get("progress", ""), seconds(status), status.get("why", "")]
    return "  ".join(part for part in parts if part)


def _task(row: Mapping[str, Any], outputs: Mapping[str, Any] | None, width: int, *, last: bool) -> Iterator[str]:
    reason, message = row.get("reason", ""), row.get("message", "")
    attempt = f"attempt {row['attempt']}" if row.get("attempt", 0) > 1 else ""
    said = ": ".join(word for word in (reason, message) if word) or row.get("child", "")
    parts = (f"{row['name']:<{width}}", f"{row['state']:<9}", f"{seconds(row):>5}", attempt, said)
    yield ("└─ " if last else "├─ ") + "  ".join(part for part in parts if part).rstrip()
    yield from _values(outputs or {}, "     " if last else "│    ")


def _values(values: Mapping[str, Any], indent: str) -> Iterator[str]:
    for name, value in values.items():
        text = json.dumps(value, ensure_ascii=False)
        yield f"{indent}{name}: {text if len(text) <= _SHOWN else text[: _SHOWN - 3] + '...'}"
