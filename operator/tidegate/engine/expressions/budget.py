"""What one evaluation may cost, so that no expression can hold up the operator.

Steps stand for time: one step is roughly 100 ns of CPU on the slow side. Bytes stand for memory: everything an
evaluation makes is counted, also what it has dropped again, so the figure bounds the peak.
"""

from dataclasses import dataclass
from typing import Any

from tidegate.errors import BudgetExceeded

FAULT_STEPS = 20
"""Steps of an error that `&&`, `||`, `exists` or `all` absorbs: raising and catching is dear in Python."""

CHARACTERS_PER_STEP = 64
"""How much text a native string operation works through in one step."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The most that one evaluation may take: `steps` of work, `memory` in bytes."""

    steps: int = 400_000
    memory: int = 8 * 1024 * 1024


DEFAULT_LIMITS = Limits()


class Meter:
    """Counts down what is left of the limits.

    Raises:
        BudgetExceeded: from `charge` and `allocate`, when nothing is left.
    """

    __slots__ = ("limits", "memory", "patterns", "steps")

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.steps = limits.steps
        self.memory = limits.memory
        self.patterns: dict[str, Any] | None = None
        """Regular expressions in use: what their compilation costs must not depend on what ran before."""

    def charge(self, steps: int) -> None:
        """Take `steps` before they are done."""
        self.steps -= steps
        if self.steps < 0:
            raise BudgetExceeded(
                f"the expression takes more than {self.limits.steps:,} steps: give it less data, "
                "or do this work in a task"
            )

    def allocate(self, size: int) -> None:
        """Take `size` bytes before they are used."""
        self.memory -= size
        if self.memory < 0:
            raise BudgetExceeded(
                f"the expression takes more than {self.limits.memory:,} bytes of memory: give it less data, "
                "or do this work in a task"
            )

    def charge_text(self, length: int) -> None:
        """Take the steps for a native operation that reads `length` characters or bytes."""
        self.charge(length // CHARACTERS_PER_STEP)
