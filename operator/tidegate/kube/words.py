"""One string for equal ones in many objects: JSON that is read line by line has every key and every "True" anew.

Half of what a Flow in memory weighs are such strings. Knows nothing of what the objects are.
"""

from typing import Any

_MOST = 10_000
_LONG = 64
"""Characters from which on a text is hardly met twice."""


class Words:
    """The strings that were met. Forgets all of them when they are too many: then each is kept once more at most."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}

    def shared(self, value: Any) -> Any:
        """Give the same JSON value, made of strings that were met before, where there are such."""
        if isinstance(value, dict):
            return {self._one(key): self.shared(each) for key, each in value.items()}
        if isinstance(value, list):
            return [self.shared(each) for each in value]
        return self._one(value) if isinstance(value, str) and len(value) < _LONG else value

    def _one(self, word: str) -> str:
        if len(self._known) >= _MOST:
            self._known.clear()
        return self._known.setdefault(word, word)
