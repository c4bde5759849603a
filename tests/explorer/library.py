"""Every manifest that occurs, once, by number: so that states are small and equal manifests are the same."""

import json
from typing import Any

Object = dict[str, Any]


class Library:
    """Gives numbers for manifests and manifests for numbers; nobody may change what it gives."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._objects: list[Object] = []

    def number(self, obj: Object) -> int:
        """Give the number of a manifest."""
        text = json.dumps(obj, sort_keys=True)
        number = self._numbers.setdefault(text, len(self._objects))
        if number == len(self._objects):
            self._objects.append(json.loads(text))
        return number

    def __getitem__(self, number: int) -> Object:
        return self._objects[number]
