"""The oracle: holds everything that happens against the invariants of ARCHITECTURE.md, by the cluster's own record.

Checked at each change: 1 (one Job and one pod an attempt), 2 (also by what really happened; hits of the cache are
`hits.py`), 3 (by name and by needs), 4 (the run's parallelism, a fan-out's own, and the runs of a limit: `limits.py`),
5 (numbers, never two alive; budgets and memory are `budgets.py`), 6 (also the rest of status, and what was frozen), 7
(against exit codes and Jobs; images, arguments and items are `frozen.py`), 8, 10 (`limits.py`), 11 (nothing starts
that is not wanted, names are held and pods gone at the end), 12 (and the grace; of runs `departures.py`). Checked at
the end: 14 (writes of each run) and 15 (`unfinished`, `kept`, and the silence that `simulation.py` waits for). What
others did to a Job, pod or run excuses what follows from it, and no more.

Not here: 9 (`instants.py`; one child run an attempt is rule 1, in `kinship.py`), 13
(`test_poisoned.py`; but no run that is drawn may end as one whose record cannot be read).
"""

import asyncio
from collections.abc import Mapping
from typing import Any

from simulation.budgets import Budgets
from simulation.cluster import START, Cluster
from simulation.departures import Departures
from simulation.frozen import Frozen
from simulation.guard import guarded
from simulation.hits import DELAYS, Hits
from simulation.kinship import Kinship
from simulation.laws import may_run, went_well
from simulation.limits import Limits
from simulation.truth import (
    FINAL,
    GRACE_SECONDS,
    LIVE,
    Attempt,
    AttemptTruth,
    RunTruth,
    Truths,
    attempt_of,
    is_tombstone,
)
from tidegate.sandbox.kinds import FLOWRUNS, FLOWS, JOBS, PODS, Kind

UNDER_WAY_SECONDS = 26.0
"""A stop is dated when it is sent, in whole seconds, and may be applied 25 s later: so much less is its name held."""
_SEEN = str.maketrans("OH", "IP")


class Oracle:
    """Watches one cluster from its first moment; raises nothing while it runs, `violations` tells."""

    def __init__(self, cluster: Cluster, faults: frozenset[str]) -> None:
        self._cluster = cluster
        self.violations: list[str] = []
        self.runs: dict[str, RunTruth] = {}
        self._truths = Truths()
        self._budgets = Budgets(self._truths, self._broken)
        patience = 120.0 if faults & DELAYS else 1.0
        self._frozen = Frozen(cluster, self._broken)
        self._limits = Limits(self.runs, self._has_standing_pods, patience, self._broken)
        self.departures = Departures(self.runs, self._frozen.versions, self._broken)
        self._hits = Hits(self.runs, self._truths, patience, self._broken)
        self.kinship = Kinship(self.runs, self._has_live_pods, self._broken)
        self.live: set[str] = set()
        """Runs that exist and have not ended, by UID."""
        self._ended = asyncio.Event()
        cluster.world.on_change(guarded(self._changed, self.violations))

    async def all_ended(self) -> None:
        """Wait until no run lives."""
        while self.live:
            self._ended.clear()
            await self._ended.wait()

    def meddled(self, obj: Mapping[str, Any]) -> None:
        """Note that somebody else touches a Job or pod: what follows is their doing."""
        attempt = attempt_of(obj)
        if attempt is not None:
            self._truths[attempt].meddled = True
            if attempt[0] in self.runs:
                self.runs[attempt[0]].meddled = True

    def _changed(self, kind: Kind, change: str, obj: dict[str, Any]) -> None:
        if kind is PODS:
            self._pod_changed(change, obj)
        elif kind is JOBS:
            self._job_changed(change, obj)
        elif kind is FLOWRUNS:
            self._run_changed(change, obj)
        elif kind is FLOWS:
            self._frozen.flow_changed(obj)
            self._limits.flow_changed(obj, self._cluster.now())

    # Jobs

    def _job_changed(self, change: str, job: dict[str, Any]) -> None:
        attempt = attempt_of(job)
        if attempt is None:
            return
        truth, run = self._truths[attempt], self.runs.get(attempt[0])
        if change == "ADDED" and not is_tombstone(job):
            truth.created += 1
            if run is not None and not run.is_gone and not truth.meddled:
                self._check_creation(attempt, truth, run, job)
        elif change == "DELETED":
            if run is not None and not run.is_gone and not truth.meddled:
                self._check_deletion(attempt, truth, run)
            return
        had_ended = truth.ended is not None
        truth.see_job(job, self._cluster.now())
        if is_tombstone(job) and not had_ended and run is not None and not run.is_gone and not truth.meddled:
            self._check_stop(attempt, run)

    def _check_creation(self, attempt: Attempt, truth: AttemptTruth, run: RunTruth, job: Mapping[str, Any]) -> None:
        uid, slot, number = attempt
        if truth.created > 1:
            self._broken(1, f"the Job of {attempt} was created {truth.created} times")
        before = self._truths.get((uid, slot, number - 1))
        is_again = number - 1 <= run.base_of(slot)
        had_succeeded = before is not None and before.complete and not before.meddled and not before.lost
        is_again = is_again or ("repeat" in run.task(slot) and before is not None and True in before.wrote)
        had_succeeded = had_succeeded and not is_again
        if run.slots[slot : slot + 1] == "S" or had_succeeded:
            self._broken(2, f"the Job of {attempt} was created although its work had succeeded")
        if run.final_status is not None:
            self._broken(6, f"the Job of {attempt} was created after the run had ended")
        self._check_name(attempt, run)
        if run.slots:
            self._budgets.check_memory(attempt, job, run)
            self._frozen.check_job(attempt, job, run)

    def _check_name(self, attempt: Attempt, run: RunTruth) -> None:
        _, slot, number = attempt
        if not run.slots:
            self._broken(3, f"the Job of {attempt} exists before the run's status names anything")
            return
        if run.slots[slot] not in LIVE or run.attempts[slot] != number:
            self._broken(3, f"the Job of {attempt} exists, status says {run.slots[slot]}, {run.attempts[slot]}")
        owner = run.owner(slot)
        needs = run.needs(owner)
        letters = [run.slots[need] for need in needs]
        if not may_run(run.tasks[owner], letters, [bool(run.tasks[need].get("allowFailure")) for need in needs]):
            self._broken(3, f"the Job of {attempt} exists, but its needs are {letters}")
        if owner >= run.first_finally and not set(run.slots[: run.first_finally]) <= FINAL:
            self._broken(3, f"the Job of {attempt} of finally exists, but tasks are {run.slots}")

    def _check_stop(self, attempt: Attempt, run: RunTruth) -> None:
        _, slot, number = attempt
        if run.attempts[slot : slot + 1] == [number] and run.slots[slot] in "IO":
            self._broken(7, f"the Job of {attempt} was stopped while status says {run.slots[slot]}")

    def _check_deletion(self, attempt: Attempt, truth: AttemptTruth, run: RunTruth) -> None:
        _, slot, number = attempt
        is_opened_again = run.slots[slot] in "PH"  # its result was in status before the run was tried again
        if number >= run.attempts[slot] and run.slots[slot] not in FINAL and not is_opened_again:
            self._broken(12, f"the Job of {attempt} was deleted while status says {run.slots[slot]}")
        if truth.ended is None or self._cluster.now() < truth.ended + GRACE_SECONDS - UNDER_WAY_SECONDS:
            self._broken(12, f"the Job of {attempt} was deleted before its name was held for {GRACE_SECONDS:.0f} s")

    # Pods

    def _pod_changed(self, change: str, pod: dict[str, Any]) -> None:
        attempt = attempt_of(pod)
        if attempt is None:
            return
        truth, run = self._truths[attempt], self.runs.get(attempt[0])
        came_to_life = truth.see_pod(pod, self._cluster.now(), is_gone=change == "DELETED")
        if came_to_life and run is not None and not run.is_gone:
            self._check_life(attempt, truth, run)

    def _check_life(self, attempt: Attempt, truth: AttemptTruth, run: RunTruth) -> None:
        uid, slot, number = attempt
        if not run.slots:
            return  # told already: nothing may exist that status does not name
        self._limits.check_life(uid, run)
        most = max(map(len, truth.by_index.values()))
        if most > run.pods_an_item(slot, truth.disruptions) and not truth.meddled:
            self._broken(1, f"{attempt} has had {most} pods for one item")
        self._check_items(attempt, run)
        others = [n for n in range(1, number) if (old := self._truths.get((uid, slot, n))) is not None and old.alive]
        if others and not truth.meddled:
            self._broken(5, f"pods of {attempt} and of attempts {others} live at the same time")
        total = sum(len(each.alive) for each in self._truths.of(uid).values())
        if total > run.parallelism and not run.meddled:
            self._broken(4, f"{total} pods of {run.name} live, {run.parallelism} are allowed")

    def _check_items(self, attempt: Attempt, run: RunTruth) -> None:
        """Hold the pods of a fan-out against its own parallelism."""
        uid, slot, _ = attempt
        block, limit = run.block_of(slot), run.tasks[run.owner(slot)].get("forEach", {}).get("parallelism")
        if block is None or limit is None or run.meddled:
            return
        parts = range(block["first"], block["first"] + block["count"])
        total = sum(len(each.alive) for key, each in self._truths.of(uid).items() if key[1] in parts)
        if total > limit:
            self._broken(4, f"{total} pods of {block['task']} of {run.name} live, {limit} are allowed")

    # Runs

    def _run_changed(self, change: str, obj: dict[str, Any]) -> None:
        uid = obj["metadata"]["uid"]
        run = self.runs.get(uid)
        if run is None:
            run = RunTruth(obj, self._cluster.now(), again=self._done_again(obj))
            self.runs[uid] = run
            self.live.add(uid)
            self.kinship.created(obj)
        now, run.desired = self._cluster.now(), obj["spec"].get("desiredState", "Running")
        if change == "DELETED":
            run.is_gone = True
            self.departures.left(uid, run, now)
            self._leave(uid)
        elif obj.get("status") != run.obj.get("status"):
            self._status_changed(uid, run, obj["status"], run.desired)
        if obj["spec"].get("priority") != run.obj["spec"].get("priority"):
            self._limits.reordered(uid, run, now)
        run.obj = obj
        self._limits.run_changed(uid, run, now)

    def _status_changed(self, uid: str, run: RunTruth, status: dict[str, Any], desired: str) -> None:
        if run.final_status is not None:
            self._broken(6, f"{run.name} changed after its end: from {run.final_status} to {status}")
        run.is_told_to_stop = run.was_stopped or "stop" in status
        if "frozen" in status:
            self._frozen.status_changed(run, status["frozen"], self._cluster.now())
        ledger = status.get("ledger") or {"slots": "", "attempts": []}
        slots, attempts = ledger["slots"], list(ledger["attempts"])
        run.blocks = ledger.get("blocks") or ()
        decided = slots.translate(_SEEN) != run.slots.translate(_SEEN) or "completionTime" in status
        run.deciding, run.cosmetic = run.deciding + decided, run.cosmetic + (not decided)
        if not run.slots:
            self._check_beginning(run, slots, attempts)
        if slots != run.slots or attempts != run.attempts:
            self._check_steps(uid, run, slots, attempts, status)
            run.slots, run.attempts = slots, attempts
        run.take_stop(status, desired)
        if "completionTime" in status:
            run.final_status = status
            self._leave(uid)
            self._check_end(uid, run, slots, status)

    def _done_again(self, obj: Mapping[str, Any]) -> RunTruth | None:
        """Give the run that a run does again."""
        name = (obj["spec"].get("rerun") or {}).get("of")
        return next((run for run in reversed(self.runs.values()) if run.name == name), None)

    def _check_beginning(self, run: RunTruth, slots: str, attempts: list[int]) -> None:
        """What a run has not done itself can only be what an earlier one did well, whose needs it has, too."""
        for slot, task in enumerate(run.tasks if slots else ()):
            if slots[slot] not in "SC" or attempts[slot] or not ("image" in task or "flow" in task):
                continue
            run.taken_over.add(slot)
            has_items = "forEach" not in task or bool((run.block_for(slot) or {}).get("total"))
            if has_items and (run.again is None or run.again.slots[slot] not in "SC"):
                self._broken(2, f"slot {slot} of {run.name} is told to have succeeded, but nobody has done it")
            needs = [slots[need] for need in run.needs(slot)]
            if has_items and not set(needs) <= set("SCK"):
                self._broken(2, f"slot {slot} of {run.name} is taken over, but its needs are {needs}")

    def _check_steps(self, uid: str, run: RunTruth, slots: str, attempts: list[int], status: Mapping[str, Any]) -> None:
        if len(slots) < len(run.slots) or len(slots) != len(run.tasks) + sum(one["count"] for one in run.blocks):
            self._broken(8, f"{run.name} went from {run.slots} to {slots} with blocks {run.blocks}")
            return
        old_slots = run.slots.ljust(len(slots), "P")
        old_attempts = run.attempts + [0] * (len(slots) - len(run.attempts))
        reopened = run.take_retry(status.get("attempt", 1))
        for slot, (was, now) in enumerate(zip(old_slots, slots, strict=True)):
            if was == now and old_attempts[slot] == attempts[slot]:
                continue
            if was in FINAL and slot not in reopened:
                self._broken(8, f"slot {slot} of {run.name} went from {was} to {now}")
            if attempts[slot] not in (old_attempts[slot], old_attempts[slot] + 1):
                self._broken(5, f"slot {slot} of {run.name}: attempt {attempts[slot]} came after {old_attempts[slot]}")
            if run.is_fan_out(slot):
                self._check_fan_out(run, slot, now, slots)
                continue
            if attempts[slot] > old_attempts[slot]:
                self._check_attempt(uid, run, slot, attempts[slot])
            self._check_step((uid, slot, attempts[slot]), was + now, run, status)

    def _check_step(self, attempt: Attempt, step: str, run: RunTruth, status: Mapping[str, Any]) -> None:
        """Hold the step of one slot from a letter to another against what really happened."""
        (uid, slot, number), (was, now) = attempt, step
        if now == "C" and was != "C":
            self._hits.check(uid, run, slot, self._cluster.now())
            self._check_outputs(attempt, now, run, status)
        if was in "RW" and now in "IS" and not run.is_asking(slot) and self._cluster.now() < run.due(slot):
            self._broken(5, f"slot {slot} of {run.name} went from {was} to {now} before it was due")
        truth = self._truths.get(attempt)
        if was in "IO" and now not in "IO" and truth is not None and truth.clean:
            # Its containers have ended; until the pod's phase says so it takes a place, but does no work.
            truth.alive.clear()
        if now in FINAL and number:
            self._check_final(attempt, now, run, status)

    def _check_final(self, attempt: Attempt, letter: str, run: RunTruth, status: Mapping[str, Any]) -> None:
        slot = attempt[1]
        if run.is_call(slot):
            self.kinship.result(attempt, letter, waits=run.task(slot)["flow"].get("wait", True))
        elif letter in "SF":
            self._check_result(attempt, letter, status)
            self._check_outputs(attempt, letter, run, status)

    def _check_fan_out(self, run: RunTruth, slot: int, letter: str, slots: str) -> None:
        """A fan-out ends when all its parts have, and well only when it bears those that failed."""
        parts = run.parts_of(slot, slots)
        if letter in FINAL and not set(parts) <= FINAL:
            self._broken(8, f"slot {slot} of {run.name} ended as {letter}, but its parts are {parts}")
        options = run.tasks[slot]["forEach"]
        if letter == "S" and options.get("strategy") == "Indexed" and run.slots:
            self._check_chunks(run, slot, options["maxFailed"])
        if letter == "S" and run.slots:
            self._frozen.check_items(run, slot)
        if letter == "S" and options.get("strategy") != "Indexed" and parts.count("F") > options.get("maxFailed", 0):
            self._broken(7, f"slot {slot} of {run.name} succeeded with parts {parts}")

    def _check_chunks(self, run: RunTruth, slot: int, most: int) -> None:
        """Items that share Jobs are done when a container of theirs ended well, in whichever attempt of their chunk."""
        block, uid = run.block_for(slot), run.obj["metadata"]["uid"]
        if block is None or slot in run.taken_over:
            return
        done: set[tuple[int, int]] = set()
        for (_, part, _), truth in self._truths.of(uid).items():
            if block["first"] <= part < block["first"] + block["count"]:
                done |= {(part, index) for index in truth.done}
        if block["total"] - len(done) > most:
            self._broken(
                7, f"slot {slot} of {run.name} succeeded with {len(done)} of {block['total']} items, {most} may fail"
            )

    def _check_attempt(self, uid: str, run: RunTruth, slot: int, number: int) -> None:
        is_finally = run.owner(slot) >= run.first_finally
        # A write succeeds only upon the spec that it was decided on, so that what is wanted is known exactly.
        forbids = run.desired == "Terminated" or (run.desired in ("Paused", "Cancelled") and not is_finally)
        is_held = run.desired == "Paused" and not run.is_told_to_stop  # of two wishes the stricter holds
        if forbids or is_held or run.was_terminated or (run.was_stopped and not is_finally):
            self._broken(11, f"attempt {number} of slot {slot} of {run.name} was named, but {run.desired} is wanted")
        self._budgets.check_attempt(uid, run, slot, number)

    def _check_result(self, attempt: Attempt, letter: str, status: Mapping[str, Any]) -> None:
        truth = self._truths[attempt]
        if letter == "S":
            if self._has_repeated(attempt) and truth.wrote == {True}:
                self._broken(7, f"{attempt} is told to have succeeded, but it was to run again")
            if not truth.clean and not truth.complete:
                self._broken(7, f"{attempt} is told to have succeeded, but nothing of it has")
        elif truth.complete and not truth.meddled and not truth.lost and not self._has_repeated(attempt):
            self._broken(7, f"{attempt} is told to have failed, but its Job is complete: {status.get('tasks')}")

    def _has_repeated(self, attempt: Attempt) -> bool:
        """Whether an attempt that was not done yet was the last of a repeated task."""
        return "repeat" in self.runs[attempt[0]].task(attempt[1]) and True in self._truths[attempt].wrote

    def _check_outputs(self, attempt: Attempt, letter: str, run: RunTruth, status: Mapping[str, Any]) -> None:
        """What a container wrote must reach those that ask for it, or the task has not succeeded."""
        if attempt[1] >= len(run.tasks):
            return
        name = run.tasks[attempt[1]]["name"]
        if letter in "SC" and (status.get("outputs") or {}).get(name, {}).get("n") != 1 and run.is_wanted(name):
            self._broken(7, f"{attempt} is told to have succeeded, but its outputs are not there")

    def _check_end(self, uid: str, run: RunTruth, slots: str, status: Mapping[str, Any]) -> None:
        if not set(slots) <= FINAL:
            self._broken(8, f"{run.name} ended with slots {slots}")
        condition = next(each for each in status["conditions"] if each["type"] == "Succeeded")
        if (condition["status"] == "True") != (
            bool(slots) and went_well(run.tasks, slots[: len(run.tasks)], run.first_finally)
        ):
            self._broken(7, f"{run.name} ended {condition['status']} with slots {slots}")
        if run.reason in ("InvalidSpec", "InvalidParams", "InternalError"):
            self._broken(7, f"{run.name} ended {run.reason}, but all that is drawn is valid: {status.get('why')}")
        for slot, letter in enumerate(slots):
            truth = self._truths.get((uid, slot, run.attempts[slot]))
            if letter == "Z" and truth is not None and not truth.meddled:
                if truth.alive:
                    self._broken(11, f"{run.name} ended while a pod of its stopped slot {slot} lives")
                if truth.ended is None:
                    self._broken(11, f"{run.name} ended while the Job of its stopped slot {slot} may run")

    def _has_live_pods(self, uid: str) -> bool:
        return any(truth.alive for truth in self._truths.of(uid).values())

    def _has_standing_pods(self, uid: str) -> bool:
        """Whether pods of a run take a place. A Job that came back since people deleted what held its name does not."""
        truths = self._truths.of(uid).values()
        return any(truth.standing and not (truth.meddled and truth.created > 1) for truth in truths)

    def _leave(self, uid: str) -> None:
        self.live.discard(uid)
        self._ended.set()

    # At the end

    def check_writes(self, operators: int, crashes: int) -> None:
        """Hold the writes of each run against what its tasks and its life justify."""
        for run in self.runs.values():
            steps = 3 + 4 * len(run.slots) * run.attempt + 2 * sum(run.attempts)
            seconds = self._cluster.now() - run.created
            if run.deciding > steps:
                self._broken(14, f"{run.name} was written {run.deciding} times to decide, {steps} would do")
            if run.cosmetic > operators * (seconds + 1) + crashes:
                self._broken(14, f"{run.name} was written {run.cosmetic} times to tell, in {seconds:.0f} s")

    def unfinished(self) -> list[str]:
        """Give the runs that exist and have not ended, with what they say of themselves."""
        runs = [self.runs[uid] for uid in sorted(self.live)]
        return [f"{run.name} {run.slots} {(run.obj.get('status') or {}).get('why', '')}" for run in runs]

    def kept(self) -> list[str]:
        """Give the Jobs and runs that are there, for when retention should have taken them."""
        jobs = [job["metadata"]["name"] for job in self._cluster.world.list(JOBS)]
        return [*jobs, *self.departures.overdue(self._cluster.now())]

    def _broken(self, rule: int, what: str) -> None:
        self.violations.append(f"rule {rule}, at {self._cluster.now() - START:.3f}: {what}")
