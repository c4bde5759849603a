"""What can go wrong between an operator and its API server, and when: plain data for the proxy to act on."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from .requests import Request

Predicate = Callable[[Request], bool]


@dataclass(frozen=True, slots=True)
class Cut:
    """The connection is cut: before the server saw the request, or after it did what was asked and before its answer.

    `then` is called in that very moment, before the operator can notice: to kill it, for a crash.
    """

    is_applied: bool
    then: Callable[[], None] = lambda: None


@dataclass(frozen=True, slots=True)
class Late:
    """The connection is cut at once, and the server gets the request seconds later, when nobody expects it any more."""

    seconds: float
    then: Callable[[], None] = lambda: None


@dataclass(frozen=True, slots=True)
class Answer:
    """The server refuses, with a status code and perhaps seconds to wait.

    Nothing is done, unless `is_applied`: a gateway that gave up waiting says 504 of what was done after all.
    """

    code: int
    reason: str
    retry_after: int | None = None
    is_applied: bool = False


@dataclass(frozen=True, slots=True)
class Delay:
    """The server gets the request seconds later, and answers."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Silence:
    """A watch that brings nothing any more after some lines, and stays open."""

    after_lines: int


@dataclass(frozen=True, slots=True)
class Lag:
    """A watch each line of which comes seconds later: what this kind shows lies behind what others show."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Expire:
    """A watch that says, after some lines, that its resourceVersion is too old."""

    after_lines: int


Fault = Cut | Late | Answer | Delay | Silence | Lag | Expire


@dataclass(slots=True)
class Rule:
    """A fault for some of the requests that match: from the n-th on (counted from 1), so many times (None: always)."""

    fault: Fault
    when: Predicate
    first: int = 1
    times: int | None = 1
    hits: list[Request] = field(default_factory=list)
    _matched: int = 0

    def takes(self, request: Request) -> bool:
        """Count the request if it matches; say whether the fault happens to it."""
        if not self.when(request):
            return False
        self._matched += 1
        if self._matched < self.first or (self.times is not None and len(self.hits) >= self.times):
            return False
        self.hits.append(request)
        return True


def choose(rules: Iterable[Rule], request: Request) -> Fault | None:
    """Give the fault of the first rule that takes a request; the later ones count it as well."""
    taken = [rule.fault for rule in rules if rule.takes(request)]
    return taken[0] if taken else None


def everything(request: Request) -> bool:
    """Match every request that is answered at once."""
    return not request.is_watch


def any_write(request: Request) -> bool:
    """Match every write."""
    return request.is_write


def watch_of(*kinds: str) -> Predicate:
    """Match the watches of some kinds, or of all."""
    return lambda request: request.is_watch and (not kinds or request.kind in kinds)


def status_write(request: Request) -> bool:
    """Match the writes that decide."""
    return request.is_write and request.kind == "flowruns"


def creation(request: Request) -> bool:
    """Match the creation of a Job."""
    return request.method == "POST" and request.kind == "jobs"
