"""What really happened at the limits of Flows: who held a place when, who waited how long, and what follows from it.

A run holds a place from its first ledger until it has ended or is gone and none of its pods stands. What
`Flow.status.active` says is held against that, and never the other way round.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from simulation.truth import RunTruth

Lane = tuple[str, str]
"""A Flow and a key: the runs among which a limit holds."""


@dataclass(slots=True)
class Queue:
    """The runs of a lane, by UID: `waiting` since when, `holding`; and when it was last full, and last too long."""

    waiting: dict[str, float] = field(default_factory=dict)
    queued: set[str] = field(default_factory=set)
    holding: set[str] = field(default_factory=set)
    full_at: float = -math.inf
    crowded_at: float = -math.inf


class Limits:
    """Watches the limits of all Flows.

    Args:
        runs: all runs, by UID.
        stands: whether a run has pods that take a place.
        patience: seconds by which a decision may become visible late.
        broken: takes the number of a rule and what broke it.
    """

    def __init__(
        self,
        runs: Mapping[str, RunTruth],
        stands: Callable[[str], bool],
        patience: float,
        broken: Callable[[int, str], None],
    ) -> None:
        self._runs, self._stands, self._patience, self._broken = runs, stands, patience, broken
        self._queues: dict[Lane, Queue] = defaultdict(Queue)
        self._flows: dict[str, Mapping[str, Any]] = {}
        self._most: dict[str, float] = defaultdict(float)
        self._early: dict[str, set[str]] = defaultdict(set)
        """Runs that began while their Flow had no limit."""
        self._granted: dict[str, float] = {}
        self._active: dict[str, dict[str, str]] = defaultdict(dict)

    # Flows

    def flow_changed(self, flow: Mapping[str, Any], now: float) -> None:
        """Take a change of a Flow, and hold the places that it gives and takes against what runs do."""
        name = flow["metadata"]["name"]
        self._flows[name] = flow.get("spec") or {}
        self._most[name] = max(self._most[name], self._limit(name))
        active = {row["uid"]: row.get("key", "") for row in (flow.get("status") or {}).get("active") or ()}
        before, self._active[name] = self._active[name], active
        for uid in before.keys() - active.keys():
            if not self._is_over(uid):
                self._broken(10, f"the place of {self._name(uid)} in {name} was taken while it lives")
        for uid in active.keys() - before.keys():
            self._granted[uid] = now
            if uid in self._runs and not self._runs[uid].slots:  # else it is only noted that it lives
                self._check_grant((name, active[uid]), uid, now)
        waited_for = {key for flow, key in self._queues if flow == name}  # a new limit is about who waits already
        for key in {*active.values(), *waited_for}:
            self._stamp((name, key), now)

    def _limit(self, flow: str) -> float:
        policy = self._flows.get(flow, {}).get("concurrency") or {}
        return math.inf if policy.get("policy", "Allow") == "Allow" else policy.get("limit", 1)

    def _taken(self, lane: Lane) -> set[str]:
        """Give the runs that hold a place in truth, and those that may begin at any moment."""
        active = self._active[lane[0]]
        granted = {uid for uid, key in active.items() if key == lane[1]}
        early = {uid for uid in self._early[lane[0]] - active.keys() if self._key_today(uid) == lane[1]}
        return {uid for uid in self._queues[lane].holding | granted | early if not self._is_over(uid)}

    def _key_today(self, uid: str) -> str:
        """Give the key of a run that began while its Flow had no limit."""
        run = self._runs[uid]
        return run.lane if (self._flows[run.flow].get("concurrency") or {}).get("key") else ""

    def _check_grant(self, lane: Lane, uid: str, now: float) -> None:
        if uid in self._runs and self._runs[uid].slots:
            return  # it began while there was no limit: that it lives is noted, not decided
        taken, limit = self._taken(lane), self._limit(lane[0])
        if len(taken) > limit and uid in taken:
            names = sorted(map(self._name, taken))
            self._broken(10, f"{self._name(uid)} got a place in {lane}, which {names} hold; {limit} are allowed")
        if limit == math.inf or self._flows[lane[0]]["concurrency"]["policy"] == "Replace" or uid not in self._runs:
            return  # the newest replaces; who waited before it is turned away
        first = self._order(uid)
        for other, since in self._queues[lane].waiting.items():
            passed = other not in self._active[lane[0]] and since < now - self._patience
            if passed and self._order(other) < first:
                self._broken(10, f"{self._name(uid)} got a place in {lane} before {self._name(other)}")

    # Runs

    def run_changed(self, uid: str, run: RunTruth, now: float) -> None:
        """Take a change of a run."""
        key = run.key
        if key is None and run.slots:
            self._early[run.flow].add(uid)
        if key is None:
            return
        lane, queue = (run.flow, key), self._queues[run.flow, key]
        is_queued = not run.slots and not run.is_gone and run.final_status is None
        status = run.obj.get("status") or {}
        if is_queued and "stop" not in status and run.desired == "Running":
            queue.waiting.setdefault(uid, now)
        else:
            queue.waiting.pop(uid, None)
        (queue.queued.add if is_queued else queue.queued.discard)(uid)
        if run.slots and uid not in queue.holding:
            queue.holding.add(uid)
            self._check_beginning(lane, uid, run)
        if not run.slots and (status.get("stop") or {}).get("reason") == "ReplacedBy":
            self._broken(10, f"{run.name} was replaced before it began")
        if not run.slots and run.final_status is not None:
            self._check_refusal(lane, uid, run, now)
        self._stamp(lane, now)

    def reordered(self, uid: str, run: RunTruth, now: float) -> None:
        """Take a change of a run's priority: it waits anew, for all that anybody knows."""
        waiting = self._queues[run.flow, run.key or ""].waiting
        if uid in waiting:
            waiting[uid] = now

    def _check_beginning(self, lane: Lane, uid: str, run: RunTruth) -> None:
        if self._active[lane[0]].get(uid) != lane[1]:
            self._broken(10, f"{run.name} began without a place in {lane}")
        self.check_life(uid, run)

    def check_life(self, uid: str, run: RunTruth) -> None:
        """Hold the runs of a lane that live against the limit, when one begins or a pod of one comes to life."""
        if run.key is None or uid not in self._runs:
            return
        lane = run.flow, run.key
        living = [each for each in self._queues[lane].holding if not self._is_over(each)]
        if len(living) > self._most[lane[0]]:
            told = f"{sorted(map(self._name, living))} of {lane} live, {self._most[lane[0]]} are allowed"
            self._broken(4, told)

    def _check_refusal(self, lane: Lane, uid: str, run: RunTruth, now: float) -> None:
        queue, reason = self._queues[lane], run.reason
        justified = {
            "ConcurrencyForbidden": queue.full_at >= run.frozen_at,
            "QueueFull": queue.crowded_at >= run.frozen_at,
            "ReplacedBy": any(self._is_newer(other, run) for other in self._runs.values()),
        }
        if not justified.get(reason, True):
            self._broken(10, f"{run.name} ended as {reason}, but {lane} was never like that while it waited")
        has_place = uid in self._active[lane[0]] and self._granted[uid] < now - self._patience
        if reason in justified and has_place:
            self._broken(10, f"{run.name} ended as {reason} although it has a place")

    def _is_newer(self, other: RunTruth, run: RunTruth) -> bool:
        return (other.flow, other.key) == (run.flow, run.key) and other.age > run.age

    def _stamp(self, lane: Lane, now: float) -> None:
        """Note the moments at which a lane is full or too many wait in it."""
        queue, policy = self._queues[lane], self._flows.get(lane[0], {}).get("concurrency") or {}
        if len(self._taken(lane)) >= self._limit(lane[0]):
            queue.full_at = now
        if len(queue.queued) > policy.get("queueLimit", 100):
            queue.crowded_at = now

    def _is_over(self, uid: str) -> bool:
        run = self._runs.get(uid)
        return run is None or ((run.is_gone or run.final_status is not None) and not self._stands(uid))

    def _order(self, uid: str) -> tuple[int, str, str]:
        run = self._runs[uid]
        return -run.obj["spec"].get("priority", 0), *run.age

    def _name(self, uid: str) -> str:
        return self._runs[uid].name if uid in self._runs else uid
