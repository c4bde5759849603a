"""Manifests as files, folders and stdin give them."""

import sys
from collections.abc import Iterable
from pathlib import Path

from tidegate.errors import UsageError

SUFFIXES = (".yaml", ".yml", ".json")
STDIN = "<stdin>"


def read(paths: Iterable[str]) -> list[tuple[str, str]]:
    """Give (file, text) of each path; `-` is stdin, and folders are searched for YAML and JSON files.

    Raises:
        UsageError: a path cannot be read, or holds no manifest.
    """
    return [(name, text) for path in paths for name, text in _read(path)]


def _read(path: str) -> list[tuple[str, str]]:
    try:
        if path == "-":
            return [(STDIN, sys.stdin.read())]
        if not Path(path).is_dir():
            return [(path, Path(path).read_text(encoding="utf-8"))]
        files = sorted(p for p in Path(path).rglob("*") if p.suffix in SUFFIXES and p.is_file())
        if not files:
            raise UsageError(f"{path}: the folder has no file that ends in {', '.join(SUFFIXES)}")
        return [(str(file), file.read_text(encoding="utf-8")) for file in files]
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: not text in UTF-8: {error.reason} at byte {error.start}") from None
    except OSError as error:
        raise UsageError(f"{error.filename or path}: {error.strerror}") from None
