"""Policy: which runs of a Flow may be live at a time. Pure; `kube/limits.py` holds the lock under which it is asked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tidegate.api.flow import Concurrency, ConcurrencyPolicy


@dataclass(frozen=True, slots=True)
class Entry:
    """A place that a run holds, as `Flow.status.active` has it; it stays until the run and its pods are gone."""

    uid: str
    name: str
    key: str

    @classmethod
    def parse(cls, row: Mapping[str, Any]) -> "Entry":
        """Read one row of `status.active`."""
        return cls(row["uid"], row["name"], row.get("key", ""))

    def dump(self) -> dict[str, Any]:
        """Give the row."""
        return {"uid": self.uid, "name": self.name, **({"key": self.key} if self.key else {})}


@dataclass(frozen=True, slots=True)
class Contender:
    """A run that has not ended. `created` is in seconds since the epoch; `stopping` when it was told to stop.

    `paused` runs wait without contending; `ancestors` are the UIDs of the runs that it is a child of.
    """

    uid: str
    name: str
    key: str
    priority: int
    created: float
    admitted: bool = False
    stopping: bool = False
    paused: bool = False
    ancestors: frozenset[str] = frozenset()

    @property
    def order(self) -> tuple[int, float, str]:
        """Who comes first: the higher priority, then the older, then by name."""
        return -self.priority, self.created, self.name


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a run is turned away."""

    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Grants:
    """The next `status.active`, and what becomes of runs by UID.

    `replaced` are live runs that must stop, each with the name of the run that takes its place; `places` the place in
    the queue, from one, of those that wait.
    """

    active: tuple[Entry, ...]
    refused: Mapping[str, Refusal]
    replaced: Mapping[str, str]
    places: Mapping[str, int]


@dataclass(slots=True)
class _Lane:
    """The runs of one key."""

    holders: list[Entry]
    waiting: list[Contender]
    refused: dict[str, Refusal] = field(default_factory=dict)
    replaced: dict[str, str] = field(default_factory=dict)


def grant(policy: Concurrency, active: Sequence[Entry], over: frozenset[str], runs: Sequence[Contender]) -> Grants:
    """Give places to runs.

    Args:
        policy: what the Flow says now.
        active: who holds a place.
        over: the UIDs among them of runs that have ended or are gone, and of which no pod lives.
        runs: the runs of the Flow that have not ended, whether they hold a place or not. One that was admitted holds
            one, also when that was not noted: it began while there was no limit, or the Flow is new.
    """
    kept = [entry for entry in active if entry.uid not in over]
    held = {entry.uid for entry in kept}
    by_uid = {run.uid: run for run in runs}
    lanes: dict[str, _Lane] = {}
    for entry in kept:
        lanes.setdefault(entry.key, _Lane([], [])).holders.append(entry)
    for run in sorted(runs, key=lambda run: run.order):
        lane = lanes.setdefault(run.key, _Lane([], []))
        if run.admitted and run.uid not in held:
            lane.holders.append(Entry(run.uid, run.name, run.key))
        elif run.uid not in held and not run.stopping:
            lane.waiting.append(run)
    for lane in lanes.values():
        _fill(policy, lane, by_uid)
    return Grants(
        tuple(entry for lane in lanes.values() for entry in lane.holders),
        {uid: refusal for lane in lanes.values() for uid, refusal in lane.refused.items()},
        {uid: name for lane in lanes.values() for uid, name in lane.replaced.items()},
        {run.uid: place for lane in lanes.values() for place, run in enumerate(lane.waiting, 1)},
    )


def _fill(policy: Concurrency, lane: _Lane, runs: Mapping[str, Contender]) -> None:
    if policy.policy is ConcurrencyPolicy.REPLACE:
        _keep_newest(policy, lane)
    _admit(policy, lane)
    _refuse_heirs(policy, lane)
    if policy.policy is ConcurrencyPolicy.FORBID:
        _refuse_all(policy, lane)
    elif policy.policy is ConcurrencyPolicy.REPLACE:
        _replace(policy, lane, runs)
    else:
        _bound_queue(policy, lane)


def _admit(policy: Concurrency, lane: _Lane) -> None:
    """Give free places in order; with Allow there is always one."""
    unlimited = policy.policy is ConcurrencyPolicy.ALLOW
    for run in [run for run in lane.waiting if not run.paused]:
        if not unlimited and len(lane.holders) >= policy.limit:
            return
        lane.waiting.remove(run)
        lane.holders.append(Entry(run.uid, run.name, run.key))


def _refuse_heirs(policy: Concurrency, lane: _Lane) -> None:
    """Turn away runs whose own ancestors hold a place while none is free: two such families would wait for ever."""
    holders = {entry.uid: entry.name for entry in lane.holders}
    for run in list(lane.waiting):
        above = holders.keys() & run.ancestors
        if above and len(holders) >= policy.limit:
            name = holders[min(above)]
            message = f"{name}, which waits for this run, holds one of the {policy.limit} places, and none is free"
            _refuse(lane, run, "HeldByAncestor", message)


def _refuse_all(policy: Concurrency, lane: _Lane) -> None:
    names = ", ".join(entry.name for entry in lane.holders[:3])
    for run in [run for run in lane.waiting if not run.paused]:
        message = f"{names} {'is' if policy.limit == 1 else 'are'} live, and concurrency.limit is {policy.limit}"
        _refuse(lane, run, "ConcurrencyForbidden", message)


def _keep_newest(policy: Concurrency, lane: _Lane) -> None:
    """Of those that wait to replace others only the newest are wanted."""
    newest = sorted((run for run in lane.waiting if not run.paused), key=lambda run: (run.created, run.name))
    for run in newest[: -policy.limit]:
        _refuse(lane, run, "ReplacedBy", f"{newest[-1].name} took its place before it began")


def _replace(policy: Concurrency, lane: _Lane, runs: Mapping[str, Contender]) -> None:
    """Stop as many of the oldest live runs as are in the way; who is not admitted yet is never replaced."""
    eager = [run for run in lane.waiting if not run.paused]
    going = sum(1 for entry in lane.holders if entry.uid not in runs or runs[entry.uid].stopping)
    surplus = len(lane.holders) - going + len(eager) - policy.limit if eager else 0
    live = [runs[entry.uid] for entry in lane.holders if entry.uid in runs]
    victims = sorted((run for run in live if run.admitted and not run.stopping), key=lambda run: run.created)
    for place, victim in enumerate(victims[: max(0, surplus)]):
        lane.replaced[victim.uid] = eager[min(place, len(eager) - 1)].name


def _bound_queue(policy: Concurrency, lane: _Lane) -> None:
    """Turn away the newest of a queue that is too long."""
    by_age = sorted(lane.waiting, key=lambda run: (run.created, run.name))
    for run in by_age[policy.queue_limit :]:
        _refuse(lane, run, "QueueFull", f"{policy.queue_limit} runs wait already, and concurrency.queueLimit is that")


def _refuse(lane: _Lane, run: Contender, reason: str, message: str) -> None:
    lane.waiting.remove(run)
    lane.refused[run.uid] = Refusal(reason, message)
