"""What the API's reference says of tasks and runs, written down once more for the oracle: it must not ask the engine.

Letters are those of `status.ledger.slots`: S and C succeeded, F failed, U could not run because a need failed,
K skipped, Z cancelled; any other is not final.
"""

from collections.abc import Mapping, Sequence
from typing import Any

Task = Mapping[str, Any]


def may_run(task: Task, letters: Sequence[str], excused: Sequence[bool]) -> bool:
    """Whether a task may have been started.

    Args:
        task: the task.
        letters: those of its needs.
        excused: which of its needs may fail.
    """
    good = [letter in "SC" or (letter == "F" and may) for letter, may in zip(letters, excused, strict=True)]
    bad = [letter in "FU" and not fine for letter, fine in zip(letters, good, strict=True)]
    skipped = [letter in "KZ" for letter in letters]
    done = all(any(each) for each in zip(good, bad, skipped, strict=True))
    return {
        "AllSucceeded": all(good),
        "AllFailed": all(bad),
        "AllDone": done,
        "AllDoneMinOneSucceeded": done and any(good),
        "AllSkipped": all(skipped),
        "AnySucceeded": any(good),
        "AnyFailed": any(bad),
        "AnyDone": any(good) or any(bad),
        "NoneFailed": done and not any(bad),
        "NoneFailedMinOneSucceeded": done and not any(bad) and any(good),
        "NoneSkipped": done and not any(skipped),
        "Always": True,
    }[task.get("runWhen", "AllSucceeded")]


def went_well(tasks: Sequence[Task], letters: str, first_finally: int) -> bool:
    """Whether a run that ended with these letters succeeded; what runs in `finally` excuses nothing."""
    if len(letters) != len(tasks) or "Z" in letters:
        return False
    final = {task["name"]: letter for task, letter in zip(tasks, letters, strict=True)}
    others = tasks[:first_finally]
    return all(letter != "F" or is_excused(task, others, final) for task, letter in zip(tasks, letters, strict=True))


def is_excused(task: Task, tasks: Sequence[Task], final: Mapping[str, str]) -> bool:
    """Whether a failed task may fail, or something ran because of its failure and ended well."""
    return bool(task.get("allowFailure")) or any(
        task["name"] in other.get("needs", ())
        and other.get("runWhen") in ("AnyFailed", "AllFailed")
        and final[other["name"]] in "SC"
        for other in tasks
    )
