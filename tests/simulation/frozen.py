"""What a run takes: a spec that its Flow has had, params and key by its own; and what its Jobs make of them.

Flows may be edited at any time: a run stays on what its first write froze.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any

from simulation.cluster import Cluster
from simulation.flows import FIRST_ITEM, ITEMS, LANE
from simulation.truth import Attempt, RunTruth
from tidegate.sandbox.kinds import REVISIONS

Spec = Mapping[str, Any]
_ONE = re.compile(r"\$\[\[ string\(tasks\.(\w+)\.\?outputs\.\?n\.orValue\(0\)\) \]\]")
_SIZE = re.compile(r"\$\[\[ string\(size\(tasks\.(\w+)\.\?outputs\.orValue\(\[\]\)\)\) \]\]")
_LIST = re.compile(r"\$\[\[ tasks\.(\w+)\.\?outputs\.\?(list|n)\.orValue\((.*)\) \]\]")
_STRICT = ("AllSucceeded", "AllDone", "AllFailed", "AllSkipped", "NoneFailed", "NoneSkipped")
"""Rules under which a task begins only when all its needs are final, so that it is known what it sees of them."""


class Frozen:
    """Knows every spec that a Flow has had; `broken` is told of runs that took something else."""

    def __init__(self, cluster: Cluster, broken: Callable[[int, str], None]) -> None:
        self._cluster, self._broken = cluster, broken
        self.versions: dict[str, list[Spec]] = defaultdict(list)

    def flow_changed(self, flow: Mapping[str, Any]) -> None:
        """Take a change of a Flow."""
        specs = self.versions[flow["metadata"]["name"]]
        if not specs or specs[-1] != flow["spec"]:
            specs.append(flow["spec"])

    def status_changed(self, run: RunTruth, frozen: Mapping[str, Any], now: float) -> None:
        """Take what a run's status says it takes; from the first time on that must stay."""
        taken = frozen["revision"], frozen.get("params"), frozen.get("key")
        if run.frozen is None:
            self._freeze(run, frozen, now)
        elif run.frozen != taken:
            self._broken(6, f"{run.name} took {run.frozen} and now {taken}")
        run.frozen = taken

    def _freeze(self, run: RunTruth, frozen: Mapping[str, Any], now: float) -> None:
        spec = self._cluster.world.get(REVISIONS, "default", frozen["revision"])["data"]["spec"]
        known = [run.again.spec] if run.again is not None else self.versions[run.flow]
        if spec not in known:
            self._broken(7, f"{run.name} of {run.flow} took a spec that its Flow never had")
        run.take(spec)
        run.key, run.frozen_at = frozen.get("key"), now
        given = run.obj["spec"].get("params") or {}
        run.lane = run.again.lane if run.again is not None else given.get("lane", LANE)
        if frozen.get("params", {}).get("lane") != run.lane:
            self._broken(7, f"{run.name} took {frozen.get('params')}; its lane is {run.lane}")
        policy = spec.get("concurrency") or {}
        wanted = None if policy.get("policy", "Allow") == "Allow" else run.lane if policy.get("key") else ""
        if run.key != wanted:
            self._broken(10, f"{run.name} has the key {run.key!r} under {policy}; expected {wanted!r}")

    def check_job(self, attempt: Attempt, job: Mapping[str, Any], run: RunTruth) -> None:
        """Hold the image and arguments of a Job against what its run took."""
        task, main = run.task(attempt[1]), job["spec"]["template"]["spec"]["containers"][0]
        if main["image"] != task["image"]:
            self._broken(7, f"the Job of {attempt} has {main['image']}; its run took {task['image']}")
        for text, told in zip(task.get("args", ()), main.get("args", ()), strict=True):
            wanted = self._argument(attempt[1], run, text)
            if wanted is not None and told != wanted:
                self._broken(7, f"the Job of {attempt} has the argument {told} for {text}; expected {wanted}")

    def _argument(self, slot: int, run: RunTruth, text: str) -> str | None:
        """Give what an argument must have come to; None when that is not known here."""
        if "params.lane" in text:
            return run.lane
        if "item" in text:
            block = run.block_of(slot)
            return None if block is None else str(FIRST_ITEM + slot - block["first"])
        source = _ONE.fullmatch(text) or _SIZE.fullmatch(text)
        if source is None or not _sees_all(run.task(slot)):
            return None
        need = run.slot_of(source[1])
        if source.re is _ONE:
            if run.is_call(need):
                return None  # what a child run gives is its own affair
            return "1" if run.gave_outputs(need) else "0"
        is_list = "forEach" in run.tasks[need]  # an edit may make a task of what was a fan-out: that gives a map
        return str(run.total_of(need)) if is_list and run.slots[need] == "S" else None

    def check_items(self, run: RunTruth, slot: int) -> None:
        """Hold how many items a fan-out that succeeded had against the list that it was given."""
        task = run.tasks[slot]
        items = task["forEach"]["items"]
        wanted: int | None = len(items) if isinstance(items, list) else None
        found = None if isinstance(items, list) else _LIST.fullmatch(items)
        if found is not None:
            if not _sees_all(task):
                return
            gave = run.gave_outputs(run.slot_of(found[1]))
            is_list = found[2] == "list" and (gave or found[3] == "[]")
            wanted = (ITEMS if gave else 0) if is_list else None
        if wanted is None:
            self._broken(7, f"slot {slot} of {run.name} succeeded, but {items} is no list")
        elif run.total_of(slot) != wanted:
            self._broken(7, f"slot {slot} of {run.name} succeeded with {run.total_of(slot)} items; {wanted} were given")


def _sees_all(task: Spec) -> bool:
    return task.get("runWhen", "AllSucceeded") in _STRICT
