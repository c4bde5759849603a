"""The store: the newest known version of every Flow, run, Job and pod, indexed as the reconciler asks for it.

Whatever comes in, by watch or as the answer to our own write, is taken only if it is newer.
"""

from collections import Counter, OrderedDict
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from typing import Any

from tidegate.api.conditions import find
from tidegate.engine.facts import Attempt, JobFact, PodFact
from tidegate.kube.approvals import Approvals
from tidegate.kube.children import Children
from tidegate.kube.client import Object
from tidegate.kube.observing import Seen

RunKey = tuple[str, str]
"""Namespace and name."""

_REMEMBERED = 10_000


def version_of(obj: Object) -> int:
    """Give an object's resourceVersion as a number."""
    return int(obj["metadata"]["resourceVersion"])


def key_of(obj: Object) -> RunKey:
    """Give namespace and name of an object."""
    return obj["metadata"]["namespace"], obj["metadata"]["name"]


class Store:
    """What is known of the cluster. Never asked for what must be true, only for what was seen."""

    def __init__(self) -> None:
        self.flows: dict[RunKey, Object] = {}
        self.runs: dict[RunKey, Object] = {}
        self.approvals = Approvals()
        self._key_by_uid: dict[str, RunKey] = {}
        self._children: dict[str, Children] = {}
        self._waiting: dict[RunKey, set[RunKey]] = {}
        self._deleted: OrderedDict[str, None] = OrderedDict()
        self._news: dict[str, float] = {}

    def put_flow(self, obj: Object) -> bool:
        """Take a Flow; say whether it is news."""
        return self._put(self.flows, obj)

    def put_run(self, obj: Object) -> bool:
        """Take a FlowRun; say whether it is news."""
        news = self._put(self.runs, obj)
        if news:
            self._key_by_uid[obj["metadata"]["uid"]] = key_of(obj)
        return news

    def put_approval(self, obj: Object) -> bool:
        """Take a FlowApproval; say whether it is news."""
        news = self._put(self.approvals.known, obj)
        if news:
            self.approvals.note(obj)
        return news

    def drop_approval(self, obj: Object) -> None:
        """Forget a FlowApproval that was deleted."""
        self._drop(self.approvals.known, obj)
        self.approvals.forget(obj)

    def drop_flow(self, obj: Object) -> None:
        """Forget a Flow that was deleted."""
        self._drop(self.flows, obj)

    def drop_run(self, obj: Object) -> None:
        """Forget a run that was deleted."""
        uid = obj["metadata"]["uid"]
        self._drop(self.runs, obj)
        self._key_by_uid.pop(uid, None)
        self._children.pop(uid, None)
        self._news.pop(uid, None)

    def put_child(self, seen: Seen) -> RunKey | None:
        """Take a Job or pod; give the key of its run when it is news and the run is known."""
        children = self._children.setdefault(seen.run_uid, Children())
        if seen.uid in self._deleted or not children.put(seen):
            return None
        return self._key_by_uid.get(seen.run_uid)

    def drop_child(self, run_uid: str, uid: str) -> RunKey | None:
        """Forget a Job or pod; give the key of its run."""
        self._remember_deleted(uid)
        children = self._children.get(run_uid)
        if children is None or not children.drop(uid):
            return None
        return self._key_by_uid.get(run_uid)

    def drop_missing_pods(self, run_uid: str, attempt: Attempt, uids: AbstractSet[str], version: int) -> None:
        """Forget the pods of an attempt that a LIST at a version did not have; those seen since are newer than it."""
        children = self.children(run_uid)
        for pod in children.pods.get(attempt, ()):
            if pod.uid not in uids and children.seen[pod.uid].version <= version:
                self.drop_child(run_uid, pod.uid)

    def drop_unlisted(
        self, fact: type[JobFact | PodFact], namespace: str | None, uids: AbstractSet[str], version: int
    ) -> set[RunKey]:
        """Forget the Jobs or pods that a LIST at a version did not have; give the keys of their runs.

        What the answers to our own writes brought in, no watch may ever have seen, and so none may tell of its end.
        """
        gone = [
            seen
            for children in self._children.values()
            for seen in children.seen.values()
            if isinstance(seen.fact, fact)
            and seen.version <= version
            and seen.uid not in uids
            and namespace in (None, seen.namespace)
        ]
        return {key for seen in gone if (key := self.drop_child(seen.run_uid, seen.uid)) is not None}

    def children(self, run_uid: str) -> Children:
        """Give the Jobs and pods of a run; what is given goes on changing."""
        return self._children.get(run_uid) or Children()

    def jobs(self, run_uid: str) -> Mapping[Attempt, JobFact]:
        """Give the Jobs of a run, by attempt."""
        return self.children(run_uid).jobs

    def pods(self, run_uid: str) -> Mapping[Attempt, tuple[PodFact, ...]]:
        """Give the pods of a run, by attempt."""
        return self.children(run_uid).pods

    def note_end(self, run_uid: str, instant: float) -> None:
        """Remember when it was first heard that something of a run ended, until somebody takes it."""
        self._news.setdefault(run_uid, instant)

    def take_end(self, run_uid: str) -> float | None:
        """Give, once, when it was first heard that something of a run ended."""
        return self._news.pop(run_uid, None)

    def active(self) -> Counter[RunKey]:
        """Count the runs that have not ended, by namespace and Flow."""
        return Counter(map(_flow_of, filter(_is_active, self.runs.values())))

    def queued(self) -> Counter[RunKey]:
        """Count those of them that wait for a place within their Flow's concurrency; a paused one does not ask."""
        return Counter(map(_flow_of, filter(_is_queued, filter(_is_active, self.runs.values()))))

    def wait_for_flow(self, run: RunKey, flow: RunKey) -> None:
        """Remember that a run waits for a Flow to appear or change."""
        self._waiting.setdefault(flow, set()).add(run)

    def first_waiting(self, flow: RunKey) -> list[RunKey]:
        """Give who is next of the runs that wait for a Flow: for each concurrency key the first in line."""
        first: dict[str, tuple[tuple[int, str, str], RunKey]] = {}
        for key in self._waiting.get(flow, ()):
            run = self.runs.get(key)
            frozen = ((run or {}).get("status") or {}).get("frozen") or {}
            if run is None or "key" not in frozen:
                continue
            meta = run["metadata"]
            rank = (-(run["spec"].get("priority") or 0), meta["creationTimestamp"], meta["name"])
            first[frozen["key"]] = min(first.get(frozen["key"], (rank, key)), (rank, key))
        return [key for _, key in first.values()]

    def take_waiting(self, flow: RunKey) -> Iterable[RunKey]:
        """Give, once, the runs that waited for a Flow."""
        return self._waiting.pop(flow, ())

    def _put(self, kind: dict[RunKey, Object], obj: Object) -> bool:
        before = kind.get(key_of(obj))
        if obj["metadata"]["uid"] in self._deleted or (before is not None and version_of(before) >= version_of(obj)):
            return False
        kind[key_of(obj)] = slim(obj)
        return True

    def _drop(self, kind: dict[RunKey, Object], obj: Object) -> None:
        self._remember_deleted(obj["metadata"]["uid"])
        before = kind.get(key_of(obj))
        if before is not None and before["metadata"]["uid"] == obj["metadata"]["uid"]:
            del kind[key_of(obj)]

    def _remember_deleted(self, uid: str) -> None:
        self._deleted[uid] = None
        if len(self._deleted) > _REMEMBERED:
            self._deleted.popitem(last=False)


def _flow_of(obj: Object) -> RunKey:
    return obj["metadata"]["namespace"], obj["spec"]["flowRef"]["name"]


def _is_active(obj: Object) -> bool:
    return "completionTime" not in (obj.get("status") or {})


def _is_queued(obj: Object) -> bool:
    told = find((obj.get("status") or {}).get("conditions"), "Succeeded")
    return told is not None and told["reason"] == "Queued"


def slim(obj: Object) -> Object:
    """Give an object without what nobody reads and everybody pays for."""
    metadata: dict[str, Any] = {key: value for key, value in obj["metadata"].items() if key != "managedFields"}
    return {**obj, "metadata": metadata}
