"""What closures need: while they run a frame, while they are made a scope.

An expression becomes a tree of Python closures, each of which takes the frame of one evaluation and gives a value or
raises a Fault. Variables of loops and of `cel.bind` get a slot in the frame when the closures are made, so nothing
is looked up by name but the names of the context.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from tidegate.engine.expressions.budget import Limits, Meter
from tidegate.engine.expressions.tree import Node


class Frame(Meter):
    """One evaluation: the budget that is left, the context, and the values of bound variables by slot."""

    __slots__ = ("context", "variables")

    def __init__(self, context: Mapping[str, Any], variables: int, limits: Limits) -> None:
        self.context = context
        self.variables: list[Any] = [None] * variables
        super().__init__(limits)


Closure: TypeAlias = Callable[[Frame], Any]
Maker: TypeAlias = Callable[[Any, "Scope"], Closure]


@dataclass(slots=True)
class Tally:
    """Counts over one whole expression: `variables` the slots given out, `weight` the nodes outside of loops."""

    variables: int = 0
    weight: int = 0


@dataclass(frozen=True, slots=True)
class Scope:
    """The variables in sight while closures are made, by slot; `makers` has what makes the closure of each node."""

    makers: Mapping[type, Maker]
    tally: Tally = field(default_factory=Tally)
    slots: Mapping[str, int] = field(default_factory=dict)

    def closure(self, node: Node) -> Closure:
        """Give what evaluates the node."""
        self.tally.weight += 1
        return self.makers[type(node)](node, self)

    def with_variable(self, name: str) -> tuple["Scope", int]:
        """Give the scope inside of which a variable is bound, and the slot of its value."""
        slot = self.tally.variables
        self.tally.variables += 1
        return replace(self, slots={**self.slots, name: slot}), slot

    def weighed(self, node: Node) -> tuple[Closure, int]:
        """Give the closure of a node that runs many times, and the steps of one time.

        What runs inside of it in a loop of its own charges for itself.
        """
        outer, self.tally.weight = self.tally.weight, 0
        closure = self.closure(node)
        steps, self.tally.weight = self.tally.weight, outer
        return closure, steps
