"""What people are told of the decisions that a run waits for: who may take them, and how."""

from tidegate.engine import ledger as letters
from tidegate.engine.draft import Draft

AWAITING = "AwaitingApproval"
"""Reason of the task's row and of the run's condition."""

_WAITING = letters.letters_of(b"W")


def awaited(draft: Draft) -> list[int]:
    """Give the slots that wait for a decision."""
    nodes = draft.graph.nodes
    slots = (slot for slot in draft.ledger.at(_WAITING) if slot < len(nodes))
    return [slot for slot in slots if nodes[slot].task.approval is not None]


def sentence(draft: Draft, slots: list[int]) -> str:
    """Say what is asked, and with which command it is answered by whom."""
    names = [draft.graph.nodes[slot].name for slot in slots]
    shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    verb = "waits for a decision" if len(names) == 1 else "wait for decisions"
    question = draft.record(slots[0]).message
    run = draft.run
    return (
        f"{shown} {verb}{f' ({question})' if question else ''}: who may create flowapprovals here answers with"
        f" `tidegate approve {run.name} {names[0]} -n {run.namespace}`, or reject"
    )
