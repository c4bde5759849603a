"""Triggers that follow other Flows: which ended runs are not dealt with yet, and which of them make a set.

All that is remembered is the trigger's mark: every run that ended before `handled` is dealt with, and of those since
then the ones in `handled_runs`. Times are those at which runs ended; how late one is heard of does not count.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from tidegate.api.triggers import MAX_HANDLED, AfterFlows, Trigger
from tidegate.engine.marks import Mark, When
from tidegate.engine.upstream import Ended

SLACK = 300
"""Seconds for which an end may be written, or clocks be apart, before it is taken for dealt with."""

KEPT = 64
"""Handled runs that are older than the slack are forgotten when there are so many: it takes a list of all runs."""

MAX_CHAIN = 32
"""So many runs may start each other by their end; then it is taken for a loop of triggers."""

_SKEW = 2


@dataclass(frozen=True, slots=True)
class Joined:
    """Who waits now; the set that has become complete, if one has; and who never will be in one."""

    waiting: tuple[Ended, ...]
    complete: tuple[Ended, ...] = ()
    dropped: tuple[Ended, ...] = ()


def text_of(after: AfterFlows) -> str:
    """Say what the trigger follows; another text is another trigger."""
    flows, results = ", ".join(sorted(after.flows)), ", ".join(sorted(after.results))
    return f"all of {flows} within {after.window} s: {results}" if after.all else f"any of {flows}: {results}"


def begun(trigger: Trigger, text: str, old: Mark | None, known: Iterable[Ended], when: When) -> Mark | None:
    """Give the mark with which a trigger begins that is new, edited, suspended or resumed; None when it goes on.

    What ended before is passed over. One that was never seen counts since `when.since`.
    """
    if old is not None and old.schedule == text and old.suspended == trigger.suspend:
        return None
    begin = Mark(trigger.name, text, int(when.since)) if old is None else old
    fresh = replace(begin, schedule=text, suspended=trigger.suspend, message="", next=None, waiting=())
    if old is None and when.since < when.now:
        return fresh
    handled = int(when.now) - _SKEW
    passed = tuple((run.second, run.uid) for run in sorted(known) if run.second >= handled)
    if len(passed) > MAX_HANDLED:
        handled, passed = passed[-1][0] + 1, ()
    return replace(fresh, handled=handled, handled_runs=passed)


def unhandled(mark: Mark, known: Iterable[Ended]) -> list[Ended]:
    """Give the ended runs that are not dealt with, in the order in which they ended."""
    done = {uid for _, uid in mark.handled_runs}
    return sorted(run for run in known if run.second >= mark.handled and run.uid not in done)


def handle(mark: Mark, run: Ended) -> Mark:
    """Note that a run is dealt with."""
    return replace(mark, handled_runs=(*mark.handled_runs, (run.second, run.uid)))


def is_long(mark: Mark, now: float) -> bool:
    """Whether it is time to forget which runs are dealt with: many are old, or some are and there is no room."""
    old = sum(second < int(now) - SLACK for second, _ in mark.handled_runs)
    return old >= KEPT or (old > 0 and len(mark.handled_runs) >= MAX_HANDLED)


def forget(mark: Mark, until: int) -> Mark:
    """Forget which runs are dealt with of those that ended before a moment: from now on all are."""
    kept = tuple(one for one in mark.handled_runs if one[0] >= until)
    return mark if until <= mark.handled else replace(mark, handled=until, handled_runs=kept)


def join(after: AfterFlows, waiting: Iterable[Ended], run: Ended) -> Joined:
    """Let a run wait with others. Of several runs of one Flow the latest counts."""
    older = tuple(one for one in waiting if one.flow == run.flow)
    if older and max(older) > run:
        return Joined(tuple(waiting), dropped=(run,))
    rest = sorted([*(one for one in waiting if one.flow != run.flow), run])
    inside = tuple(one for one in rest if rest[-1].second - one.second <= after.window)
    dropped = (*older, *(one for one in rest if one not in inside))
    if {one.flow for one in inside} == set(after.flows):
        return Joined((), inside, dropped)
    return Joined(inside, (), dropped)


def expires(after: AfterFlows, run: Ended) -> int:
    """Give the second at which a waiting run can be in no set any more, whatever is still heard of."""
    return run.second + after.window + SLACK


def is_passed(mark: Mark, second: int, uid: str) -> bool:
    """Whether a run that ended then is dealt with for good, so that no set with it will be named any more."""
    if any(one.uid == uid for one in mark.waiting):
        return False
    return second < mark.handled or any(one[1] == uid for one in mark.handled_runs)


def waits_for(after: AfterFlows, waiting: Iterable[Ended]) -> str:
    """Say who waits and for what, for people."""
    there = {one.flow: one.name for one in sorted(waiting)}
    if not there:
        return ""
    lacking = [flow for flow in after.flows if flow not in there]
    verb = "waits" if len(there) == 1 else "wait"
    return f"{', '.join(there.values())} {verb} for a run of {', '.join(lacking)}"
