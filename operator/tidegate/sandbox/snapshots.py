"""A world in a file: written whole under another name first, so that a crash leaves the old or the new, never half."""

import json
import os
from pathlib import Path
from typing import Any

from tidegate.errors import UsageError

_FILE = "world.json"


def load(folder: Path) -> dict[str, Any] | None:
    """Read the snapshot in a folder, None when there is none yet; raises UsageError when it cannot be read."""
    path = folder / _FILE
    try:
        data = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise UsageError(f"the sandbox's state {path} cannot be read: {error}; remove it to start anew") from error
    if not isinstance(data, dict):
        raise UsageError(f"the sandbox's state {path} is not an object; remove it to start anew")
    return data


def save(folder: Path, text: str) -> None:
    """Replace the snapshot in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    path, draft = folder / _FILE, folder / f"{_FILE}.new"
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    draft.replace(path)
