"""When a task may run, from what became of its needs: Airflow's twelve trigger rules, stated once as a table.

`blocked` (a need failed, so that the rule can no longer hold) and `skipped` are told apart because a rule further down
counts a blocked task as failed.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum

from tidegate.api.task import RunWhen


class Verdict(Enum):
    """What a rule says now; only `WAIT` can change later."""

    RUN = "run"
    WAIT = "wait"
    SKIP = "skip"
    BLOCK = "block"


@dataclass(frozen=True, slots=True)
class Needs:
    """How many needs there are, and what became of them. A blocked need counts as failed, a cancelled one as skipped.

    A failed task that may fail counts as succeeded.
    """

    total: int
    succeeded: int
    failed: int
    skipped: int

    @property
    def done(self) -> int:
        """Needs that are final."""
        return self.succeeded + self.failed + self.skipped

    @property
    def all_done(self) -> bool:
        """Whether every need is final."""
        return self.done == self.total


def judge(rule: RunWhen, needs: Needs) -> Verdict:
    """Say whether a task may run."""
    return _RULES[rule](needs)


def _all_succeeded(needs: Needs) -> Verdict:
    if needs.failed:
        return Verdict.BLOCK
    if needs.skipped:
        return Verdict.SKIP if needs.all_done else Verdict.WAIT
    return _when_all_done(needs)


def _all_failed(needs: Needs) -> Verdict:
    if needs.succeeded or needs.skipped:
        return Verdict.SKIP
    return _when_all_done(needs)


def _when_all_done(needs: Needs) -> Verdict:
    return Verdict.RUN if needs.all_done else Verdict.WAIT


def _all_done_min_one_succeeded(needs: Needs) -> Verdict:
    if not needs.all_done:
        return Verdict.WAIT
    return Verdict.RUN if needs.succeeded else _without_success(needs)


def _without_success(needs: Needs) -> Verdict:
    return Verdict.BLOCK if needs.failed else Verdict.SKIP


def _all_skipped(needs: Needs) -> Verdict:
    return Verdict.SKIP if needs.succeeded or needs.failed else _when_all_done(needs)


def _any_succeeded(needs: Needs) -> Verdict:
    if needs.succeeded:
        return Verdict.RUN
    return _without_success(needs) if needs.all_done else Verdict.WAIT


def _any_failed(needs: Needs) -> Verdict:
    if needs.failed:
        return Verdict.RUN
    return Verdict.SKIP if needs.all_done else Verdict.WAIT


def _any_done(needs: Needs) -> Verdict:
    if needs.succeeded or needs.failed:
        return Verdict.RUN
    return Verdict.SKIP if needs.all_done else Verdict.WAIT


def _none_failed(needs: Needs) -> Verdict:
    return Verdict.BLOCK if needs.failed else _when_all_done(needs)


def _none_failed_min_one_succeeded(needs: Needs) -> Verdict:
    if needs.failed:
        return Verdict.BLOCK
    if not needs.all_done:
        return Verdict.WAIT
    return Verdict.RUN if needs.succeeded else Verdict.SKIP


def _none_skipped(needs: Needs) -> Verdict:
    return Verdict.SKIP if needs.skipped else _when_all_done(needs)


def _always(_: Needs) -> Verdict:
    return Verdict.RUN


_RULES: Mapping[RunWhen, Callable[[Needs], Verdict]] = {
    RunWhen.ALL_SUCCEEDED: _all_succeeded,
    RunWhen.ALL_FAILED: _all_failed,
    RunWhen.ALL_DONE: _when_all_done,
    RunWhen.ALL_DONE_MIN_ONE_SUCCEEDED: _all_done_min_one_succeeded,
    RunWhen.ALL_SKIPPED: _all_skipped,
    RunWhen.ANY_SUCCEEDED: _any_succeeded,
    RunWhen.ANY_FAILED: _any_failed,
    RunWhen.ANY_DONE: _any_done,
    RunWhen.NONE_FAILED: _none_failed,
    RunWhen.NONE_FAILED_MIN_ONE_SUCCEEDED: _none_failed_min_one_succeeded,
    RunWhen.NONE_SKIPPED: _none_skipped,
    RunWhen.ALWAYS: _always,
}

NEED_A_NEED = frozenset({RunWhen.ANY_SUCCEEDED, RunWhen.ANY_FAILED, RunWhen.ANY_DONE})
"""Rules that could never hold without a need."""

EXCUSES = frozenset({RunWhen.ANY_FAILED, RunWhen.ALL_FAILED})
"""A direct dependant with one of these, that ends well, excuses a failure: it ran because of it."""

EARLY = frozenset({RunWhen.ANY_SUCCEEDED, RunWhen.ANY_FAILED, RunWhen.ANY_DONE, RunWhen.ALWAYS})
"""Rules under which a task may begin before all its needs are final."""
