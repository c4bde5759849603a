"""The tally: for each task, what became of its needs so far; kept up to date so that no step looks at all of them.

It follows from the ledger alone and is never stored: `rebuilt` makes it after a restart, and a property test says that
what was kept equals what would be rebuilt.
"""

from array import array
from dataclasses import dataclass

from tidegate.engine import ledger as letters
from tidegate.engine.graph import Graph
from tidegate.engine.ledger import Ledger
from tidegate.engine.rules import Needs

_EVERY_FINAL = letters.letters_of(b"SCFKUZ")


@dataclass(slots=True)
class Tally:
    """Counts of needs by node, and the tasks (not `finally`) that are not final yet or failed for good."""

    succeeded: "array[int]"
    failed: "array[int]"
    skipped: "array[int]"
    open_tasks: int
    failures: int = 0

    @classmethod
    def fresh(cls, graph: Graph) -> "Tally":
        """Give the tally of a run of which nothing has ended."""
        zeros = array("I", bytes(4 * len(graph.nodes)))
        return cls(zeros, zeros[:], zeros[:], graph.first_finally)

    @classmethod
    def rebuilt(cls, graph: Graph, ledger: Ledger) -> "Tally":
        """Give the tally that follows from a ledger."""
        tally = cls.fresh(graph)
        for slot in ledger.at(_EVERY_FINAL):
            if slot < len(graph.nodes):
                tally.count(graph, slot, ledger.slots[slot])
        return tally

    def copy(self) -> "Tally":
        """Give an independent copy."""
        return Tally(self.succeeded[:], self.failed[:], self.skipped[:], self.open_tasks, self.failures)

    def count(self, graph: Graph, slot: int, letter: int) -> None:
        """Take in that a task became final."""
        node = graph.nodes[slot]
        if slot < graph.first_finally:
            self.open_tasks -= 1
        counter = self._counter(letter, may_fail=node.task.allow_failure)
        if letter == letters.FAILED and not node.task.allow_failure:
            self.failures += 1
        for dependant in node.dependants:
            counter[dependant] += 1

    def needs_of(self, graph: Graph, slot: int) -> Needs:
        """Give what became of a task's needs."""
        total = len(graph.nodes[slot].needs)
        return Needs(total, self.succeeded[slot], self.failed[slot], self.skipped[slot])

    def _counter(self, letter: int, *, may_fail: bool) -> "array[int]":
        if letter in letters.GOOD or (letter == letters.FAILED and may_fail):
            return self.succeeded
        return self.failed if letter in (letters.FAILED, letters.BLOCKED) else self.skipped
