"""The invariants of ARCHITECTURE.md, held against each step of the explored cluster; the numbers are those there.

1 (one Job and one pod an attempt), 2, 3 (by name and by needs), 4 (the run's parallelism), 5 (numbers, budgets, never
two alive), 6, 7 (against what the container and the Job did), 8, 11. What a third party does to an attempt excuses what
follows from it, and no more. Not here: 9, 10 and 13 (one run only), 12 and 14 (no clock); 15 is what `search.py` asks.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from explorer.library import Library
from explorer.truth import Try, World
from simulation.laws import may_run, went_well

FINAL, LIVE = frozenset("SCFKUZ"), frozenset("IOXY")


class Ledger(NamedTuple):
    """What a status names: letters and attempt numbers by slot, the rows of its fan-outs."""

    slots: str
    attempts: tuple[int, ...]
    blocks: Sequence[Mapping[str, Any]]
    status: Mapping[str, Any]

    @property
    def is_over(self) -> bool:
        """Whether the run has ended."""
        return "completionTime" in self.status


class Rules:
    """Judges the steps of a world that belongs to runs of one Flow."""

    def __init__(self, library: Library, spec: Mapping[str, Any]) -> None:
        self._library = library
        self._tasks: list[Mapping[str, Any]] = [*spec["tasks"], *spec.get("finally", ())]
        self._first_finally, self._parallelism = len(spec["tasks"]), spec.get("parallelism", 50)

    def broken(self, before: World, after: World) -> Iterator[str]:
        """Say which rules a step breaks."""
        ledger = self.ledger(after)
        if before.status != after.status:
            yield from self._status_written(after, self.ledger(before), ledger)
        for each in after.tries:
            old = before.of(each.attempt)
            if each.real_jobs > old.real_jobs:
                yield from self._job_created(after, each, ledger)
            if each.pods_made > old.pods_made:
                yield from self._pod_made(after, each)

    def ledger(self, world: World) -> Ledger:
        """Read what the run's status names."""
        status = {} if world.status is None else self._library[world.status]
        ledger = status.get("ledger") or {"slots": "", "attempts": ()}
        return Ledger(ledger["slots"], tuple(ledger["attempts"]), ledger.get("blocks") or (), status)

    def _owner(self, slot: int, ledger: Ledger) -> int:
        if slot < len(self._tasks):
            return slot
        block = next(one for one in ledger.blocks if one["first"] <= slot < one["first"] + one["count"])
        return [task["name"] for task in self._tasks].index(block["task"])

    # Jobs and pods

    def _job_created(self, world: World, each: Try, ledger: Ledger) -> Iterator[str]:
        slot, number = each.attempt
        if each.is_meddled:
            return
        if each.real_jobs > 1:
            yield f"1: the Job of {each.attempt} was created {each.real_jobs} times"
        earlier = [world.of((slot, old)) for old in range(1, number)]
        if ledger.slots[slot : slot + 1] == "S" or any(old.is_complete and not old.is_lost for old in earlier):
            yield f"2: the Job of {each.attempt} was created although its work had succeeded"
        if ledger.is_over:
            yield f"6: the Job of {each.attempt} was created after the run had ended"
        if slot >= len(ledger.slots) or ledger.slots[slot] not in LIVE or ledger.attempts[slot] != number:
            yield f"3: the Job of {each.attempt} exists, status says {ledger.slots} {ledger.attempts}"
            return
        yield from self._unmet_needs(each, ledger)

    def _unmet_needs(self, each: Try, ledger: Ledger) -> Iterator[str]:
        owner = self._owner(each.attempt[0], ledger)
        names = [task["name"] for task in self._tasks]
        needs = [names.index(need) for need in self._tasks[owner].get("needs", ())]
        letters = [ledger.slots[need] for need in needs]
        if not may_run(self._tasks[owner], letters, [bool(self._tasks[need].get("allowFailure")) for need in needs]):
            yield f"3: the Job of {each.attempt} exists, but its needs are {letters}"
        if owner >= self._first_finally and not set(ledger.slots[: self._first_finally]) <= FINAL:
            yield f"3: the Job of {each.attempt} of finally exists, but tasks are {ledger.slots}"

    def _pod_made(self, world: World, each: Try) -> Iterator[str]:
        slot, number = each.attempt
        if each.pods_made > 1 and not each.is_meddled:
            yield f"1: {each.attempt} has had {each.pods_made} pods"
        others = [other for other in world.tries if other.attempt[0] == slot and other.attempt[1] < number]
        if any(other.alive and not other.is_meddled for other in others) and not each.is_meddled:
            yield f"5: pods of {each.attempt} and of an earlier attempt live at the same time"
        ledger = self.ledger(world)
        total = sum(len(other.alive) for other in world.tries if not self._has_succeeded(other, ledger))
        if total > self._parallelism and not any(other.is_meddled for other in world.tries):
            yield f"4: {total} pods live, {self._parallelism} are allowed"

    def _has_succeeded(self, each: Try, ledger: Ledger) -> bool:
        """Whether its container has ended, so that until its phase says so it does no work."""
        return ledger.slots[each.attempt[0] : each.attempt[0] + 1] == "S" and each.is_clean

    # Status

    def _status_written(self, world: World, old: Ledger, new: Ledger) -> Iterator[str]:
        if old.is_over:
            yield f"6: the run has changed after its end, from {old.slots} to {new.slots}"
        was_stopped = old.status.get("stop") or (world.desired == "Cancelled" and set("XZ") & set(old.slots))
        for slot, letter in enumerate(new.slots):
            was, number = (old.slots[slot], old.attempts[slot]) if slot < len(old.slots) else ("P", 0)
            if was in FINAL and (letter, new.attempts[slot]) != (was, number):
                yield f"8: slot {slot} went from {was} to {letter}"
            if new.attempts[slot] not in (number, number + 1):
                yield f"5: slot {slot}: attempt {new.attempts[slot]} came after {number}"
            if new.attempts[slot] > number:
                yield from self._named(world, slot, new, is_stopped=bool(was_stopped))
            if letter in "SF" and was not in FINAL and new.attempts[slot] and not self._is_fan_out(slot):
                yield from self._judged(world.of((slot, new.attempts[slot])), letter, new)
        if new.is_over and not old.is_over:
            yield from self._ended(world, new)

    def _is_fan_out(self, slot: int) -> bool:
        return slot < len(self._tasks) and "forEach" in self._tasks[slot]

    def _named(self, world: World, slot: int, ledger: Ledger, *, is_stopped: bool) -> Iterator[str]:
        owner, number = self._owner(slot, ledger), ledger.attempts[slot]
        if is_stopped and owner < self._first_finally:
            yield f"11: attempt {number} of slot {slot} was named after the run was stopped"
        free = sum(world.of((slot, old)).is_disrupted for old in range(1, number))
        limit = self._tasks[owner].get("retry", {}).get("limit", 0)
        if number > 1 + limit + free:
            yield f"5: attempt {number} of slot {slot}: limit {limit}, {free} disruptions"

    def _judged(self, each: Try, letter: str, ledger: Ledger) -> Iterator[str]:
        if letter == "S" and not each.is_clean and not each.is_complete:
            yield f"7: {each.attempt} is told to have succeeded, but nothing of it has"
        if letter == "F" and each.is_complete and not each.is_meddled and not each.is_lost:
            yield f"7: {each.attempt} is told to have failed, but its Job is complete"
        if letter == "F" and each.alive and not each.is_meddled:
            yield f"7: {each.attempt} is told to have failed, but a pod of it lives"
        name = self._tasks[self._owner(each.attempt[0], ledger)]["name"]
        is_wanted = any(f"tasks.{name}.?outputs" in text for task in self._tasks for text in task.get("args", ()))
        if letter == "S" and is_wanted and (ledger.status.get("outputs") or {}).get(name) != {"n": 1}:
            yield f"7: {each.attempt} is told to have succeeded, but what it wrote is not there"

    def _ended(self, world: World, ledger: Ledger) -> Iterator[str]:
        if not set(ledger.slots) <= FINAL:
            yield f"8: the run ended with slots {ledger.slots}"
        told = next(each for each in ledger.status["conditions"] if each["type"] == "Succeeded")["status"] == "True"
        if told != went_well(self._tasks, ledger.slots[: len(self._tasks)], self._first_finally):
            yield f"7: the run ended {told} with slots {ledger.slots}"
        for slot, letter in enumerate(ledger.slots):
            each = world.of((slot, ledger.attempts[slot]))
            if letter == "Z" and not each.is_meddled:
                yield from _still_there(each)


def _still_there(each: Try) -> Iterator[str]:
    if each.alive:
        yield f"11: the run ended while a pod of its stopped attempt {each.attempt} lives"
    job = each.job
    if each.real_jobs and (job is None or (job.letter == "A" and not job.is_suspended)):
        yield f"11: the run ended while the Job of its stopped attempt {each.attempt} may run"
