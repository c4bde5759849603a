"""What the letters of a run's tasks come to: the table of api.md, in one place."""

from dataclasses import dataclass

from tidegate.engine import blocks, rules
from tidegate.engine import ledger as letters
from tidegate.engine.draft import Draft

TASK_FAILED = "TaskFailed"
_FAILED = letters.letters_of(b"F")
_CANCELLED = letters.letters_of(b"Z")


@dataclass(frozen=True, slots=True)
class Result:
    """How it went; `failed` when it did not go well."""

    failed: bool
    reason: str
    message: str


def of_tasks(draft: Draft) -> Result:
    """Give the result of the tasks that are final now, without those of `finally`: what these see."""
    return _of(draft, draft.graph.first_finally)


def recall(draft: Draft) -> None:
    """Fix how the tasks went once all of them have ended: it is what `finally` sees, also after a crash."""
    if not draft.tally.open_tasks and draft.result_so_far is None:
        result = of_tasks(draft)
        draft.result_so_far = (result.failed, result.reason)


def of_run(draft: Draft) -> Result:
    """Give the result of everything."""
    return _of(draft, len(draft.graph.nodes))


def _of(draft: Draft, count: int) -> Result:
    failures = [slot for slot in draft.ledger.at(_FAILED) if slot < count]
    counted = [slot for slot in failures if not is_excused(draft, slot)]
    if next(draft.ledger.at(_CANCELLED), count) < count:
        return Result(True, draft.wish.reason, draft.wish.message)
    if counted:
        return Result(True, TASK_FAILED, _told(draft, counted))
    done = sum(draft.ledger.slots[:count].count(letter) for letter in letters.GOOD)
    message = f"{done} {'task' if done == 1 else 'tasks'} succeeded"
    skipped = count - done - len(failures)
    message += f", {skipped} skipped" if skipped else ""
    if failures:
        return Result(False, "CompletedWithWarnings", f"{message}; {_told(draft, failures)}, which is borne")
    borne = _with_failed_items(draft, count)
    if borne:
        return Result(False, "CompletedWithWarnings", f"{message}; {borne[0]}: {draft.record(borne[1]).message}")
    return Result(False, "Completed", message)


def _with_failed_items(draft: Draft, count: int) -> tuple[str, int] | None:
    """Give the first fan-out that succeeded although some of its items failed: its name and slot."""
    for block in draft.ledger.blocks:
        slot = draft.graph.slots[block.task]
        is_good = slot < count and draft.letter(slot) in letters.GOOD
        if is_good and blocks.failed_in(draft.ledger, block.task):
            return block.task, slot
    return None


def is_excused(draft: Draft, slot: int) -> bool:
    """Whether a failed task may fail, or a direct dependant that ran because of the failure ended well.

    One in `finally` excuses nothing: it was told that the run failed, and telling somebody mends nothing.
    """
    node = draft.graph.nodes[slot]
    return node.task.allow_failure or any(
        draft.graph.nodes[dependant].task.run_when in rules.EXCUSES and draft.letter(dependant) in letters.GOOD
        for dependant in node.dependants
        if dependant < draft.graph.first_finally
    )


def _told(draft: Draft, failed: list[int]) -> str:
    record, name = draft.record(failed[0]), draft.graph.nodes[failed[0]].name
    more = f" (and {len(failed) - 1} more)" if len(failed) > 1 else ""
    return f"{name} failed: {record.reason}{': ' + record.message if record.message else ''}{more}"
