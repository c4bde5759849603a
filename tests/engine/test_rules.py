"""Airflow's twelve trigger rules as a table: needs as letters, what the rule says."""

import pytest

from tidegate.api.task import RunWhen
from tidegate.engine.rules import Needs, Verdict, judge

RUN, WAIT, SKIP, BLOCK = Verdict.RUN, Verdict.WAIT, Verdict.SKIP, Verdict.BLOCK

COLUMNS = ("", "SS", "SF", "SK", "FF", "FK", "KK", "SP", "FP", "KP", "PP")
TABLE = {
    RunWhen.ALL_SUCCEEDED: (RUN, RUN, BLOCK, SKIP, BLOCK, BLOCK, SKIP, WAIT, BLOCK, WAIT, WAIT),
    RunWhen.ALL_FAILED: (RUN, SKIP, SKIP, SKIP, RUN, SKIP, SKIP, SKIP, WAIT, SKIP, WAIT),
    RunWhen.ALL_DONE: (RUN, RUN, RUN, RUN, RUN, RUN, RUN, WAIT, WAIT, WAIT, WAIT),
    RunWhen.ALL_DONE_MIN_ONE_SUCCEEDED: (SKIP, RUN, RUN, RUN, BLOCK, BLOCK, SKIP, WAIT, WAIT, WAIT, WAIT),
    RunWhen.ALL_SKIPPED: (RUN, SKIP, SKIP, SKIP, SKIP, SKIP, RUN, SKIP, SKIP, WAIT, WAIT),
    RunWhen.ANY_SUCCEEDED: (SKIP, RUN, RUN, RUN, BLOCK, BLOCK, SKIP, RUN, WAIT, WAIT, WAIT),
    RunWhen.ANY_FAILED: (SKIP, SKIP, RUN, SKIP, RUN, RUN, SKIP, WAIT, RUN, WAIT, WAIT),
    RunWhen.ANY_DONE: (SKIP, RUN, RUN, RUN, RUN, RUN, SKIP, RUN, RUN, WAIT, WAIT),
    RunWhen.NONE_FAILED: (RUN, RUN, BLOCK, RUN, BLOCK, BLOCK, RUN, WAIT, BLOCK, WAIT, WAIT),
    RunWhen.NONE_FAILED_MIN_ONE_SUCCEEDED: (SKIP, RUN, BLOCK, RUN, BLOCK, BLOCK, SKIP, WAIT, BLOCK, WAIT, WAIT),
    RunWhen.NONE_SKIPPED: (RUN, RUN, RUN, SKIP, RUN, SKIP, SKIP, WAIT, WAIT, SKIP, WAIT),
    RunWhen.ALWAYS: (RUN,) * len(COLUMNS),
}
CASES = [(rule, needs, wanted) for rule, row in TABLE.items() for needs, wanted in zip(COLUMNS, row, strict=True)]


def test_the_table_has_all_twelve_rules():
    assert set(TABLE) == set(RunWhen)


@pytest.mark.parametrize(("rule", "needs", "wanted"), CASES, ids=lambda value: getattr(value, "value", value or "none"))
def test_a_rule_looks_at_what_became_of_the_needs(rule: RunWhen, needs: str, wanted: Verdict):
    assert judge(rule, Needs(len(needs), needs.count("S"), needs.count("F"), needs.count("K"))) is wanted


@pytest.mark.parametrize("rule", list(RunWhen))
def test_what_a_rule_decided_it_never_takes_back_for_the_worse(rule: RunWhen):
    """A task that may run is started at once, so that what its needs become later must not have mattered."""
    for first in "SFK":
        before = judge(rule, Needs(2, *(int(first == letter) for letter in "SFK")))
        for second in "SFK":
            after = judge(rule, Needs(2, *((first + second).count(letter) for letter in "SFK")))
            if before is RUN:
                assert after is RUN, (first, second)
            elif before is not WAIT:
                assert after is not RUN, (first, second)
