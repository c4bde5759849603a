"""Places: how many pods of a run may live, and how many each live Job may have."""

from dataclasses import dataclass

from tidegate.engine import blocks, ceilings, intervals
from tidegate.engine import ledger as letters
from tidegate.engine.draft import Draft
from tidegate.engine.graph import Node
from tidegate.engine.ledger import LIVE, Block

_LIVE = letters.letters_of(b"IOXY")


@dataclass(slots=True)
class Places:
    """What is left: `free` places for pods, and `room` in the record for slots that were not live before."""

    free: int
    room: int

    def admits(self, letter: int) -> bool:
        """Whether there is room for a slot of this letter, should there be a place for its pods."""
        return self.room > 0 or letter == letters.RETRYING

    def take(self, letter: int, pods: int) -> None:
        """Take what a slot needs that had this letter until now; without pods it has ended instead."""
        self.free -= pods
        self.room -= bool(pods) and letter != letters.RETRYING


def left(draft: Draft) -> Places:
    """Give what is left for new pods."""
    return Places(draft.graph.spec.parallelism - live_pods(draft), room(draft))


def live_pods(draft: Draft) -> int:
    """Count the pods that take a place in `parallelism`: named ones, and those not yet gone after their end."""
    slots = draft.ledger.slots
    named = sum(slots.count(letter) for letter in LIVE) - live_children(draft)
    chunks = sum(
        taken_by(draft, slot) - 1
        for block in draft.ledger.blocks
        if block.size > 1 and draft.letter(draft.graph.slots[block.task]) == letters.FANNED
        for slot in blocks.at(draft.ledger, block, _LIVE)
    )
    lingering = sum(
        sum(pod.alive for pod in draft.facts.pods_of(attempt))
        for attempt in draft.facts.live_attempts()
        if draft.has(attempt[0]) and slots[attempt[0]] not in LIVE
    )
    return named + chunks + lingering


def live_children(draft: Draft) -> int:
    """Count the child runs: their pods take places in their own runs, not here."""
    slots, calls = draft.ledger.slots, draft.graph.calls
    if not calls:
        return 0
    named = {draft.graph.nodes[slot].name for slot in calls}
    spans = [(block.first, block.first + block.count) for block in draft.ledger.blocks if block.task in named]
    return sum(slots[slot] in LIVE for slot in calls) + sum(
        slots.count(letter, *span) for span in spans for letter in LIVE
    )


def taken_by(draft: Draft, slot: int) -> int:
    """Give the places that a live slot of a fan-out takes: a chunk needs none for items that have ended."""
    pods = draft.ledger.extra_of(slot).pods
    if not pods:
        return 1
    job = draft.facts.jobs.get(draft.attempt(slot))
    if job is None:
        return pods
    ended = intervals.mask_of(job.completed) | intervals.mask_of(job.failed)
    return min(pods, draft.size(slot) - ended.bit_count())


def taken(draft: Draft, block: Block) -> int:
    """Count the places that a fan-out takes."""
    return sum(taken_by(draft, slot) for slot in blocks.at(draft.ledger, block, _LIVE))


def parallelism(draft: Draft, node: Node) -> int:
    """Give how many items of a fan-out may run at a time."""
    assert node.task.for_each is not None  # noqa: S101  only fan-outs are asked for
    if node.task.flow is not None:  # children take no places among this run's pods, but there is a bound
        return node.task.for_each.parallelism or draft.graph.spec.parallelism
    return min(node.task.for_each.parallelism or draft.graph.spec.parallelism, draft.graph.spec.parallelism)


def room(draft: Draft) -> int:
    """Give how many more slots may be live or tried again, so that the ledger keeps fitting status.

    A slot that is tried again has its room already: it may start whatever this says.
    """
    slots = draft.ledger.slots
    busy = sum(slots.count(letter) for letter in (*LIVE, letters.RETRYING))
    used = ceilings.of_parts(draft.graph, draft.ledger) + ceilings.ROW * busy
    return (draft.spare - used) // ceilings.ROW
