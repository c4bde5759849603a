"""What really happened in a simulated cluster, by its own record: never by what an operator wrote or remembers."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tidegate.api import keys

Attempt = tuple[str, int, int]
"""The UID of a run, a slot, the number of an attempt."""

FINAL = frozenset("SCFKUZ")
LIVE = frozenset("IOXY")
GRACE_SECONDS = 300.0


def attempt_of(obj: Mapping[str, Any]) -> Attempt | None:
    """Read which attempt a Job or pod is of; None for anything else."""
    labels = obj["metadata"].get("labels") or {}
    if keys.LABEL_RUN_UID not in labels or keys.LABEL_SLOT not in labels:
        return None
    return labels[keys.LABEL_RUN_UID], int(labels[keys.LABEL_SLOT]), int(labels[keys.LABEL_ATTEMPT])


def is_tombstone(job: Mapping[str, Any]) -> bool:
    """Whether a Job is there only to hold a name."""
    return keys.LABEL_TOMBSTONE in job["metadata"]["labels"]


@dataclass(slots=True)
class AttemptTruth:
    """One attempt. `alive` are the pods of it that may run, `meddled` says that others than operators touched it."""

    created: int = 0
    pods: set[str] = field(default_factory=set)
    alive: set[str] = field(default_factory=set)
    standing: set[str] = field(default_factory=set)
    """Pods that take a place, whether they still work or not."""
    complete: bool = False
    taken: set[str] = field(default_factory=set)
    """Pods that the cluster took."""
    wrote: set[bool] = field(default_factory=set)
    """Of each of its pods that ended well, whether it wrote that it is not done yet."""
    oom: bool = False
    """Whether a container of it ran out of memory."""
    done_at: float | None = None
    """When all of it had really been done, the last time that it was: what its queue took away is done again."""
    well: set[str] = field(default_factory=set)
    """Pods of which a container ended well."""
    exited: set[int] = field(default_factory=set)
    """The codes with which its containers ended."""
    lost: bool = False
    """Whether a pod of it is gone, and with it perhaps the output that nobody had read."""
    meddled: bool = False
    ended: float | None = None
    """When its Job finished, or became a tombstone."""
    completions: int = 1
    """How many items its Job has; `by_index` are the pods of each, `done` those of which one ended well."""
    by_index: dict[int, set[str]] = field(default_factory=dict)
    done: set[int] = field(default_factory=set)

    def see_pod(self, pod: Mapping[str, Any], now: float, *, is_gone: bool) -> bool:
        """Take a change of a pod; say whether it came to life just now."""
        uid, status = pod["metadata"]["uid"], pod["status"]
        is_new = uid not in self.pods
        self.pods.add(uid)
        index = int((pod["metadata"].get("annotations") or {}).get(keys.ANNOTATION_INDEX, 0))
        self.by_index.setdefault(index, set()).add(uid)
        self.lost = self.lost or is_gone
        if is_gone or status.get("phase") in ("Succeeded", "Failed"):
            self.alive.discard(uid)
            self.standing.discard(uid)
        elif is_new:
            self.alive.add(uid)
            self.standing.add(uid)
        for container in status.get("containerStatuses") or ():
            end = container["state"].get("terminated")
            if end is None:
                continue
            self.exited.add(end["exitCode"])
            if end["exitCode"] == 0:
                self.done.add(index)
                self.wrote.add("again" in end.get("message", ""))
                if uid not in self.well and self.clean:
                    self.done_at = now
                self.well.add(uid)
            else:
                self.oom = self.oom or end.get("reason") == "OOMKilled"
        if any(each["type"] == "DisruptionTarget" for each in status.get("conditions") or ()):
            self.taken.add(uid)
        return is_new

    @property
    def disruptions(self) -> int:
        """How many pods the cluster took."""
        return len(self.taken)

    @property
    def disrupted(self) -> bool:
        """Whether the cluster took a pod."""
        return bool(self.taken)

    @property
    def is_doubtful(self) -> bool:
        """Whether something else than its containers may be said to have ended it."""
        return self.disrupted or self.meddled or self.lost

    @property
    def clean(self) -> bool:
        """Whether all of it has really been done."""
        return len(self.done) >= self.completions

    def see_job(self, job: Mapping[str, Any], now: float) -> None:
        """Take a change of a Job."""
        ends = {each["type"] for each in job["status"].get("conditions") or () if each["status"] == "True"}
        self.complete = self.complete or "Complete" in ends
        self.completions = job["spec"].get("completions", 1)
        if self.ended is None and (ends & {"Complete", "Failed"} or is_tombstone(job)):
            self.ended = now


class Truths(dict[Attempt, AttemptTruth]):
    """All attempts; one that is asked for comes to be."""

    def __init__(self) -> None:
        super().__init__()
        self._by_run: dict[str, dict[Attempt, AttemptTruth]] = {}

    def __missing__(self, attempt: Attempt) -> AttemptTruth:
        truth = self[attempt] = AttemptTruth()
        self._by_run.setdefault(attempt[0], {})[attempt] = truth
        return truth

    def of(self, run_uid: str) -> Mapping[Attempt, AttemptTruth]:
        """Give those of one run."""
        return self._by_run.get(run_uid, {})


@dataclass(slots=True)
class RunTruth:
    """One run: its object as last written, its Flow, and how often it was written."""

    obj: dict[str, Any]
    created: float
    again: "RunTruth | None" = None
    """The run that it does again, as it was when this one was created."""
    spec: Mapping[str, Any] = field(default_factory=dict)
    tasks: list[dict[str, Any]] = field(default_factory=list)
    """The tasks in the order of their slots; `first_finally` is the first slot of `finally`."""
    first_finally: int = 0
    _slots: dict[str, int] = field(default_factory=dict)
    frozen: tuple[Any, ...] | None = None
    """What its status says it takes. `frozen_at` is when it was first said, `key` that of its Flow's limit."""
    frozen_at: float = 0.0
    key: str | None = None
    lane: str = ""
    desired: str = "Running"
    slots: str = ""
    attempts: list[int] = field(default_factory=list)
    blocks: Sequence[Mapping[str, Any]] = ()
    attempt: int = 1
    """That of the whole run; `base` are the attempts that its tasks had had when it began."""
    base: list[int] = field(default_factory=list)
    final_status: dict[str, Any] | None = None
    is_gone: bool = False
    was_stopped: bool = False
    """Whether its status shows that a wish to stop it was taken up; `was_terminated` likewise."""
    was_terminated: bool = False
    taken_over: set[int] = field(default_factory=set)
    """Slots that had ended when it began, in the run that it does again."""
    is_told_to_stop: bool = False
    meddled: bool = False
    deciding: int = 0
    cosmetic: int = 0

    @property
    def name(self) -> str:
        """Its name."""
        return str(self.obj["metadata"]["name"])

    @property
    def flow(self) -> str:
        """The name of its Flow."""
        return str(self.obj["spec"]["flowRef"]["name"])

    @property
    def age(self) -> tuple[str, str]:
        """By what the older of two runs is told: the second of its creation, then its name."""
        return self.obj["metadata"]["creationTimestamp"], self.name

    @property
    def reason(self) -> str:
        """Why it ended as it did."""
        return str(self._result["reason"])

    @property
    def ended_at(self) -> float:
        """When it ended, as it says: what follows counts from there, though it may have been told later."""
        told = (self.final_status or {}).get("completionTime")
        return datetime.fromisoformat(told).timestamp() if told else math.inf

    @property
    def succeeded(self) -> bool:
        """Whether it ended well, as it says."""
        return bool(self._result["status"] == "True")

    @property
    def _result(self) -> Mapping[str, Any]:
        conditions = (self.final_status or {}).get("conditions") or ()
        return next((each for each in conditions if each["type"] == "Succeeded"), {"reason": "", "status": ""})

    @property
    def is_owned_by_flow(self) -> bool:
        """Whether it goes when its Flow has enough newer ones."""
        owners = self.obj["metadata"].get("ownerReferences") or ()
        return any(owner["kind"] == "Flow" and owner.get("controller") for owner in owners)

    @property
    def order_of_end(self) -> tuple[str, str]:
        """Its place among those that ended."""
        return (self.final_status or {}).get("completionTime", ""), self.name

    def take(self, spec: Mapping[str, Any]) -> None:
        """Note the spec that it takes."""
        self.spec, self.tasks = spec, [*spec["tasks"], *spec.get("finally", ())]
        self.first_finally = len(spec["tasks"])
        self._slots = {task["name"]: slot for slot, task in enumerate(self.tasks)}

    @property
    def parallelism(self) -> int:
        """How many of its pods may live."""
        return int(self.spec.get("parallelism", 50))

    def block_of(self, slot: int) -> Mapping[str, Any] | None:
        """Give the block of a slot that is part of a fan-out."""
        return next((one for one in self.blocks if one["first"] <= slot < one["first"] + one["count"]), None)

    def owner(self, slot: int) -> int:
        """Give the slot of the task that a slot works for."""
        block = self.block_of(slot) if slot >= len(self.tasks) else None
        return slot if block is None else self._slots[block["task"]]

    def task(self, slot: int) -> dict[str, Any]:
        """Give the task that a slot works for, also one of an item."""
        return self.tasks[self.owner(slot)]

    def is_call(self, slot: int) -> bool:
        """Whether the slot works by another run."""
        return "flow" in self.task(slot)

    def is_fan_out(self, slot: int) -> bool:
        """Whether the slot is that of a task with items."""
        return slot < len(self.tasks) and "forEach" in self.tasks[slot]

    def parts_of(self, slot: int, slots: str) -> str:
        """Give the letters of a fan-out's parts, of its last block."""
        block = self.block_for(slot)
        return slots[block["first"] : block["first"] + block["count"]] if block else ""

    def block_for(self, slot: int) -> Mapping[str, Any] | None:
        """Give the block of a fan-out, the last when it was tried again."""
        name = self.tasks[slot]["name"]
        return next((one for one in reversed(self.blocks) if one["task"] == name and one.get("total")), None)

    def total_of(self, slot: int) -> int:
        """Give how many items a fan-out has."""
        block = self.block_for(slot)
        return 0 if block is None else int(block["total"])

    def slot_of(self, name: str) -> int:
        """Give the slot of a task."""
        return self._slots[name]

    def gave_outputs(self, slot: int) -> bool:
        """Whether a task has the outputs of a container, as far as its letter says."""
        task = self.tasks[slot]
        return self.slots[slot] in "SC" and "image" in task and "forEach" not in task

    def base_of(self, slot: int) -> int:
        """Give the attempts a slot had had when the current attempt of the whole run began."""
        return self.base[slot] if slot < len(self.base) else 0

    def pods_an_item(self, slot: int, disruptions: int) -> int:
        """Give how many pods one item, or task, may have had within an attempt."""
        task = self.task(slot)
        if task.get("forEach", {}).get("strategy") != "Indexed":
            return 1
        retry = task.get("retry", {})
        return 1 + int(retry.get("limit", 0)) + min(disruptions, int(retry.get("maxDisruptions", 10)) + 1)

    def needs(self, slot: int) -> list[int]:
        """Give the slots that a task needs."""
        return [self._slots[need] for need in self.tasks[slot].get("needs", ())]

    def due(self, slot: int) -> float:
        """Give the instant that status fixed for the slot, 0 without one."""
        ledger = (self.obj.get("status") or {}).get("ledger") or {}
        row = next((row for row in ledger.get("extra") or () if row[0] == slot), ())
        return float(row[4]) if len(row) > 4 else 0.0  # zeros at the end are left out

    def is_asking(self, slot: int) -> bool:
        """Whether the task waits for a decision or an object: what is due is only by when."""
        task = self.task(slot)
        return "approval" in task or "for" in task.get("wait", {})

    def is_wanted(self, name: str) -> bool:
        """Whether an expression of another task reads the outputs of this one."""
        asked = f"tasks.{name}.?outputs"
        return any(
            asked in text
            for task in self.tasks
            for text in (*task.get("args", ()), str(task.get("forEach", {}).get("items")))
        )

    def take_stop(self, status: Mapping[str, Any], desired: str) -> None:
        """Note a stop that the status shows: by the letters of what it stopped, or in so many words."""
        shows = not {"X", "Z"}.isdisjoint(self.slots)
        self.was_stopped = self.was_stopped or "stop" in status or (shows and desired in ("Cancelled", "Terminated"))
        self.was_terminated = self.was_terminated or (
            shows and "Terminated" in (desired, (status.get("stop") or {}).get("state"))
        )

    def take_retry(self, attempt: int) -> range:
        """Note that the whole run is tried again; give the slots that may have been opened anew."""
        if attempt == self.attempt:
            return range(0)
        self.attempt, self.base = attempt, list(self.attempts)
        return range(self.first_finally)
