"""What can go wrong on the way to the API server and at its end: the scenarios, each a few rules or an event."""

from collections.abc import Callable
from dataclasses import dataclass, field

from .lab import Seat
from .rules import (
    Answer,
    Cut,
    Delay,
    Expire,
    Lag,
    Predicate,
    Rule,
    Silence,
    any_write,
    creation,
    everything,
    status_write,
    watch_of,
)

BLACK_HOLE_SECONDS = 20.0
FREEZE_SECONDS = 8.0

_LEASE = {"leader_election": "true", "lease_duration_seconds": "3", "lease_renew_seconds": "2"}
_LEASE |= {"lease_retry_seconds": "0.5"}


@dataclass(frozen=True, slots=True)
class Scenario:
    """What goes wrong in one run.

    `rules` makes the rules of each operator's proxy. `then` is called, once for all operators, when one of them is
    about to get the answer to its first write that `at` matches. Operators work side by side under `settings`.
    """

    name: str
    rules: Callable[[], list[Rule]] = list
    at: Predicate | None = None
    then: Callable[[Seat], None] = lambda _: None
    operators: int = 1
    settings: dict[str, str] = field(default_factory=dict)


def black_hole(seat: Seat) -> None:
    """Let nothing through for a while."""
    seat.proxy.black_hole(BLACK_HOLE_SECONDS)


def freezing(seconds: float) -> Callable[[Seat], None]:
    """Hold the operator still for a while."""

    def freeze(seat: Seat) -> None:
        seat.operator.freeze(seconds)

    return freeze


def _always(*rules: Rule) -> list[Rule]:
    for rule in rules:
        rule.times = None
    return list(rules)


SCENARIOS = [
    Scenario("every write is slow", lambda: _always(Rule(Delay(0.7), any_write))),
    Scenario("a black hole for 20 s", at=creation, then=black_hole),
    Scenario(
        "answers are lost",
        lambda: [
            Rule(Cut(is_applied=True), creation, times=2),
            Rule(Cut(is_applied=True), status_write, first=2, times=3),
            Rule(Cut(is_applied=False), any_write, first=7, times=2),
        ],
    ),
    Scenario(
        "a burst of 5xx",
        lambda: [
            Rule(Answer(500, "InternalError"), everything, first=12, times=6),
            Rule(Answer(503, "ServiceUnavailable"), status_write, times=3),
            Rule(Answer(504, "Timeout", is_applied=True), creation, times=2),
        ],
    ),
    Scenario("429 with Retry-After", lambda: [Rule(Answer(429, "TooManyRequests", 1), any_write, first=3, times=4)]),
    Scenario(
        "a storm of conflicts",
        lambda: [
            Rule(Answer(409, "Conflict"), status_write, times=8),
            Rule(Answer(409, "Conflict"), creation, times=2),
        ],
    ),
    Scenario("names that are taken, and are not", lambda: [Rule(Answer(409, "AlreadyExists"), creation, times=2)]),
    Scenario("403 for Jobs", lambda: [Rule(Answer(403, "Forbidden"), creation, times=2)]),
    Scenario("410 on every watch", lambda: _always(Rule(Expire(after_lines=2), watch_of()))),
    Scenario("a watch of pods that is half open", lambda: _always(Rule(Silence(after_lines=1), watch_of("pods")))),
    Scenario(
        "watches that are half open, until the watchdog ends the process",
        lambda: [Rule(Silence(after_lines=0), watch_of("pods", "jobs"), times=2)],
        settings={"watch_age_seconds": "6", "patience_seconds": "1"},
    ),
    Scenario("runs are seen late", lambda: _always(Rule(Lag(1.5), watch_of("flowruns")))),
    Scenario("Jobs are seen late", lambda: _always(Rule(Lag(2.5), watch_of("jobs")))),
    Scenario("pods are seen late", lambda: _always(Rule(Lag(4.0), watch_of("pods")))),
    Scenario("two operators without a Lease", operators=2),
    Scenario(
        "two operators that see and write at different times",
        lambda: [
            *_always(Rule(Lag(1.0), watch_of("pods")), Rule(Delay(0.5), creation)),
            Rule(Cut(is_applied=True), status_write, first=3),
        ],
        operators=2,
    ),
    Scenario("frozen before it creates what it named", at=status_write, then=freezing(FREEZE_SECONDS), operators=2),
    Scenario(
        "frozen while it leads",
        at=status_write,
        then=freezing(FREEZE_SECONDS),
        operators=2,
        settings=_LEASE,
    ),
]


def deaths(kill: Callable[[str], None]) -> list[Scenario]:
    """Give what happens to the cluster itself, one at a time: `kill` ends a daemon that is started again."""
    return [
        Scenario("the API server is killed", at=creation, then=lambda _: kill("apiserver")),
        Scenario("etcd is killed", at=creation, then=lambda _: kill("etcd")),
    ]


LONG = [
    Scenario("every watch is half open", lambda: [Rule(Silence(after_lines=0), watch_of(), times=4)]),
    Scenario("frozen for a minute", at=status_write, then=freezing(60.0), operators=2),
    Scenario(
        "frozen for a minute while it leads",
        at=status_write,
        then=freezing(60.0),
        operators=2,
        settings={"leader_election": "true"},
    ),
]
"""Those that take minutes: with the durations that an operator has in production."""
