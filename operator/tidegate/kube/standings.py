"""How runs stand with their Flow, and in which words they are told."""

from collections.abc import Mapping
from dataclasses import dataclass

from tidegate.api.conditions import find
from tidegate.api.flow import Concurrency
from tidegate.engine.concurrency import Contender, Entry, Grants, Refusal
from tidegate.engine.sizes import within
from tidegate.engine.status import MOST_SENTENCE
from tidegate.kube.client import Object

LATER, LAST = 30.0, 300.0
"""Seconds until the first of a line looks again, and the others: a net under what they are told of."""

_EXACT = 10
_STEPS = (10, 20, 50, 100, 200, 500, 1000, 2000, 5000)
"""The place is told exactly up to the tenth. Behind, all would be written to each time the line moves on."""

_PAUSED = "it is paused, and gets no place until it is resumed"


@dataclass(frozen=True, slots=True)
class Standing:
    """How a run stands with its Flow: it holds a place, was turned away, or waits, and why.

    `again` are the seconds after which to look again.
    """

    admitted: bool = False
    refusal: Refusal | None = None
    reason: str = "Queued"
    message: str = ""
    again: float = LATER

    def is_told(self, run: Object) -> bool:
        """Whether the run says already what there is to say while it waits."""
        condition = find((run.get("status") or {}).get("conditions"), "Succeeded") or {}
        told = condition.get("reason"), condition.get("message")
        wanted = self.reason, within(self.message, MOST_SENTENCE)
        return not self.admitted and self.refusal is None and told == wanted


def standings(policy: Concurrency, grants: Grants, runs: Mapping[str, Contender], delay: float) -> dict[str, Standing]:
    """Give by UID how those stand that hold a place, wait, or were turned away.

    Args:
        policy: what the Flow says.
        grants: what was decided.
        runs: all that have not ended.
        delay: seconds until the first in line looks again.
    """
    found = {entry.uid: Standing(admitted=True) for entry in grants.active}
    found |= {uid: Standing(refusal=refusal) for uid, refusal in grants.refused.items()}
    for uid, place in grants.places.items():
        again = delay if place == 1 else LAST
        if runs[uid].paused:
            found[uid] = Standing(reason="Paused", message=_PAUSED, again=again)
        else:
            found[uid] = Standing(message=_queued(policy, grants, runs, uid), again=again)
    return found


def _queued(policy: Concurrency, grants: Grants, runs: Mapping[str, Contender], uid: str) -> str:
    run, place = runs[uid], grants.places[uid]
    whose = f" of key {run.key}" if run.key else ""
    if place > _EXACT:
        before = max(step for step in _STEPS if step < place)
        return f"at least {before} runs are before it in the queue{whose}"
    holders = [_told(grants, entry, runs.get(entry.uid)) for entry in grants.active if entry.key == run.key]
    names = ", ".join(holders[:3]) + (f" and {len(holders) - 3} more" if len(holders) > 3 else "")
    return f"place {place} in the queue{whose}: {names or 'nobody'} of {policy.limit} allowed is live"


def _told(grants: Grants, entry: Entry, holder: Contender | None) -> str:
    """Name who holds a place, with what keeps it when it should be gone."""
    if holder is None:
        return f"{entry.name} (ended, its pods are going)"
    return f"{entry.name} (stopping)" if holder.stopping or holder.uid in grants.replaced else entry.name
