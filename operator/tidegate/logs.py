"""Structured logs: what each line is about, as JSON for machines or one readable line for people.

Names, annotations and error texts come from users: characters that could forge a line or steer a terminal are
written as escapes, in both forms.
"""

import logging
import re
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType
from typing import Any, TextIO

from pythonjsonlogger.core import RESERVED_ATTRS
from pythonjsonlogger.json import JsonFormatter

FIELDS = ("namespace", "flow", "run", "uid", "task")

# Control characters (ANSI sequences begin with one), line ends of any script, marks that reverse the order of
# text, and lone surrogates, which no stream can encode.
_HOSTILE = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")

# What kopf's loggers attach to each record for its own use.
_FOREIGN = ("k8s_ref", "k8s_skip", "settings")

_subject: ContextVar[Mapping[str, str]] = ContextVar("subject", default=MappingProxyType({}))


@contextmanager
def about(**fields: str) -> Iterator[None]:
    """Have everything that is logged inside carry these of FIELDS; nested calls add to each other."""
    token = _subject.set({**_subject.get(), **fields})
    try:
        yield
    finally:
        _subject.reset(token)


def clean(text: str) -> str:
    """Give the text on one line, without anything that a terminal or a log collector would act upon."""
    return _HOSTILE.sub(_escape, text)


def configure(level: str = "INFO", form: str = "json", stream: TextIO | None = None) -> None:
    """Send all logs of the process to a stream, stderr by default.

    Args:
        level: least level that is shown, e.g. `INFO`.
        form: `json` or `text`.
        stream: where to write.
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(_Json() if form == "json" else _Text())
    handler.addFilter(_add_subject)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)


def _add_subject(record: logging.LogRecord) -> bool:
    """Fill in what the surrounding `about` says, unless the call itself said it by `extra`."""
    for name, value in _subject.get().items():
        if not hasattr(record, name):
            setattr(record, name, value)
    return True


def _escape(match: re.Match[str]) -> str:
    code = ord(match.group())
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def _clean_block(text: str) -> str:
    """Clean each line of a traceback and indent it, so that none can pose as a record."""
    return "\n".join(f"    {clean(line)}" for line in text.split("\n"))


class _Json(JsonFormatter):
    def __init__(self) -> None:
        super().__init__(
            ["levelname", "name", "message"],
            rename_fields={"levelname": "level", "name": "logger"},
            timestamp="time",
            reserved_attrs=[*RESERVED_ATTRS, *_FOREIGN],
            json_default=str,
        )

    def formatException(self, ei: Any) -> str:  # noqa: N802 - the name that logging calls
        return _clean_block(logging.Formatter.formatException(self, ei))

    def process_log_record(self, log_data: dict[str, Any]) -> dict[str, Any]:
        blocks = ("exc_info", "stack_info")
        return {
            key: clean(value) if isinstance(value, str) and key not in blocks else value
            for key, value in super().process_log_record(log_data).items()
        }


class _Text(logging.Formatter):
    converter = staticmethod(time.gmtime)

    def __init__(self) -> None:
        super().__init__("%(asctime)s.%(msecs)03dZ %(levelname)-7s %(name)s: %(message)s", "%Y-%m-%dT%H:%M:%S")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the name that logging calls
        line = super().formatMessage(record)
        subject = " ".join(f"{name}={value}" for name in FIELDS if (value := getattr(record, name, None)))
        return clean(f"{line}  {subject}" if subject else line)

    def formatException(self, ei: Any) -> str:  # noqa: N802 - the name that logging calls
        return _clean_block(super().formatException(ei))
