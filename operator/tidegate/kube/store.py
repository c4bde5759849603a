"""The store: the newest known version of every Flow, run, Job and pod, indexed as the reconciler asks for it.

Whatever comes in, by watch or as the answer to our own write, is taken only if it is newer.
"""

from collections import Counter, OrderedDict
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Any

from tidegate.api.conditions import find
from tidegate.engine.facts import Attempt, JobFact, PodFact
from tidegate.kube.approvals import Approvals
from tidegate.kube.backfills import Backfills
from tidegate.kube.children import Children
from tidegate.kube.client import Object
from tidegate.kube.followers import Followers
from tidegate.kube.lines import Lines, stance_of_flow, stance_of_run
from tidegate.kube.observing import Seen
from tidegate.kube.words import Words

RunKey = tuple[str, str]
"""Namespace and name."""

_REMEMBERED = 10_000


def version_of(obj: Object) -> int:
    """Give an object's resourceVersion as a number."""
    return int(obj["metadata"]["resourceVersion"])


def key_of(obj: Object) -> RunKey:
    """Give namespace and name of an object."""
    return obj["metadata"]["namespace"], obj["metadata"]["name"]


def flow_key_of(run: Object) -> RunKey:
    """Give namespace and name of a run's Flow."""
    return run["metadata"]["namespace"], run["spec"]["flowRef"]["name"]


def has_ended(run: Object) -> bool:
    """Whether a run has come to its end, for good."""
    return "completionTime" in (run.get("status") or {})


class Store:
    """What is known of the cluster. Never asked for what must be true, only for what was seen."""

    def __init__(self) -> None:
        self.flows: dict[RunKey, Object] = {}
        self.runs: dict[RunKey, Object] = {}
        self.approvals = Approvals()
        self.backfills = Backfills()
        self.lines = Lines(self.runs)
        self.followers = Followers()
        self._key_by_uid: dict[str, RunKey] = {}
        self._by_flow: dict[RunKey, dict[RunKey, None]] = {}
        self._children: dict[str, Children] = {}
        self._deleted: OrderedDict[str, None] = OrderedDict()
        self._news: dict[str, float] = {}
        self._words = Words()

    def put_flow(self, obj: Object) -> bool:
        """Take a Flow; say whether it is news."""
        before = stance_of_flow(self.flows.get(key_of(obj)))
        news = self._put(self.flows, obj)
        if news:
            self.flows[key_of(obj)] = self._words.shared(self.flows[key_of(obj)])  # there may be thousands, all alike
            self.followers.note(key_of(obj), obj)
        if news and stance_of_flow(obj) != before:
            self.lines.note(key_of(obj))
        return news

    def put_run(self, obj: Object) -> bool:
        """Take a FlowRun; say whether it is news."""
        old = self.runs.get(key_of(obj))
        before = stance_of_run(old)
        news = self._put(self.runs, obj)
        if news and stance_of_run(obj) != before:
            self.lines.note(flow_key_of(obj))
        if news:
            self._key_by_uid[obj["metadata"]["uid"]] = key_of(obj)
            self._by_flow.setdefault(flow_key_of(obj), {})[key_of(obj)] = None
        if news and has_ended(obj) and not _is_same_end(old, obj):
            self.followers.wake(flow_key_of(obj))
        return news

    @property
    def uids(self) -> AbstractSet[str]:
        """The UIDs of all runs that are known."""
        return self._key_by_uid.keys()

    def run_of_uid(self, uid: str) -> Object | None:
        """Give a run by its UID, when it is known."""
        return self.runs.get(self._key_by_uid.get(uid, ("", "")))

    def runs_of(self, flow: RunKey) -> list[Object]:
        """Give the runs of a Flow, in the order in which they were heard of."""
        return [self.runs[key] for key in self._by_flow.get(flow, ())]

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

    def put_backfill(self, obj: Object) -> bool:
        """Take a Backfill; say whether it is news."""
        news = self._put(self.backfills.known, obj)
        if news:
            self.backfills.note(obj)
        return news

    def drop_backfill(self, obj: Object) -> None:
        """Forget a Backfill that was deleted."""
        self._drop(self.backfills.known, obj)
        self.backfills.forget(obj)

    def drop_flow(self, obj: Object) -> None:
        """Forget a Flow that was deleted."""
        self._drop(self.flows, obj)
        self.followers.note(key_of(obj), self.flows.get(key_of(obj)))
        self.lines.note(key_of(obj))

    def drop_run(self, obj: Object) -> None:
        """Forget a run that was deleted."""
        uid = obj["metadata"]["uid"]
        self._drop(self.runs, obj)
        self.lines.note(flow_key_of(obj))
        self._key_by_uid.pop(uid, None)
        siblings = self._by_flow.get(flow_key_of(obj), {})
        if key_of(obj) not in self.runs:
            siblings.pop(key_of(obj), None)
        if not siblings:
            self._by_flow.pop(flow_key_of(obj), None)
        self._children.pop(uid, None)
        self._news.pop(uid, None)

    def put_child(self, seen: Seen) -> RunKey | None:
        """Take a Job or pod; give the key of its run when it is news and the run is known."""
        if seen.uid in self._deleted or not self._children.setdefault(seen.run_uid, Children()).put(seen):
            return None
        return self._key_by_uid.get(seen.run_uid)

    def drop_child(self, run_uid: str, uid: str) -> RunKey | None:
        """Forget a Job or pod; give the key of its run."""
        self._remember_deleted(uid)
        children = self._children.get(run_uid)
        if children is None or not children.drop(uid):
            return None
        key = self._key_by_uid.get(run_uid)
        if key is None and not children.seen:  # what a run leaves goes after it; nothing may stay of it for ever
            del self._children[run_uid]
        return key

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
        return Counter(flow_key_of(obj) for obj in self.runs.values() if not has_ended(obj))

    def queued(self) -> Counter[RunKey]:
        """Count those of them that wait for a place within their Flow's concurrency; a paused one does not ask."""
        return Counter(flow_key_of(obj) for obj in self.runs.values() if not has_ended(obj) and _is_queued(obj))

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


def _is_same_end(old: Object | None, obj: Object) -> bool:
    return old is not None and old["metadata"]["uid"] == obj["metadata"]["uid"] and has_ended(old)


def _is_queued(obj: Object) -> bool:
    told = find((obj.get("status") or {}).get("conditions"), "Succeeded")
    return told is not None and told["reason"] == "Queued"


def slim(obj: Object) -> Object:
    """Give an object without what nobody reads and everybody pays for."""
    metadata: dict[str, Any] = {key: value for key, value in obj["metadata"].items() if key != "managedFields"}
    return {**obj, "metadata": metadata}
