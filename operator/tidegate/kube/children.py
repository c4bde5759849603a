"""The Jobs, pods and child runs of one run, indexed by attempt as they come and go, and which slots have news."""

from collections.abc import Set as AbstractSet

from tidegate.engine.facts import Attempt, ChildFact, JobFact, PodFact
from tidegate.kube.observing import Seen


class Children:
    """What was seen of one run's Jobs, pods and child runs. `alive` are the attempts with a pod that may still run."""

    def __init__(self) -> None:
        self.seen: dict[str, Seen] = {}
        self.jobs: dict[Attempt, JobFact] = {}
        self.runs: dict[Attempt, ChildFact] = {}
        self.pods: dict[Attempt, tuple[PodFact, ...]] = {}
        self.alive: set[Attempt] = set()
        self._changed: set[int] = set()
        self._holders: dict[Attempt, tuple[Seen, ...]] = {}

    def put(self, seen: Seen) -> bool:
        """Take a Job, pod or child run; say whether it is news."""
        before, fact = self.seen.get(seen.uid), seen.fact
        if before is not None and before.version >= seen.version:
            return False
        namesakes = [each for each in self._holders.get(fact.attempt, ()) if each.name == seen.name]
        if any(each.uid != seen.uid and each.version > seen.version for each in namesakes):
            return False  # what is late: the name is another's already
        self.seen[seen.uid] = seen
        if before is not None and isinstance(fact, ChildFact) and before.fact == fact:
            return False  # a run writes more than its parent wants to know
        for other in namesakes:
            if other.uid != seen.uid:  # its deletion was not seen, and will not be: it must not come back later
                self.seen.pop(other.uid)
        self._changed.add(fact.attempt[0])
        if not isinstance(fact, PodFact):
            others_of = tuple(holder for holder in self._holders.get(fact.attempt, ()) if holder not in namesakes)
            self._keep_holders(fact.attempt, (*others_of, seen))
        else:
            others = tuple(pod for pod in self.pods.get(fact.attempt, ()) if pod.uid != fact.uid)
            self._keep_pods(fact.attempt, (*others, fact))
        return True

    def drop(self, uid: str) -> bool:
        """Forget a Job, pod or child run; say whether it was known."""
        seen = self.seen.pop(uid, None)
        if seen is None:
            return False
        attempt = seen.fact.attempt
        self._changed.add(attempt[0])
        if isinstance(seen.fact, PodFact):
            self._keep_pods(attempt, tuple(pod for pod in self.pods.get(attempt, ()) if pod.uid != uid))
        else:
            self._keep_holders(attempt, tuple(one for one in self._holders.get(attempt, ()) if one.uid != uid))
        return True

    def take_changed(self) -> AbstractSet[int]:
        """Give, once, the slots of which something was seen since the last time."""
        changed, self._changed = self._changed, set()
        return changed

    def _keep_holders(self, attempt: Attempt, holders: tuple[Seen, ...]) -> None:
        """Keep what claims to be an attempt: of several, which only others can have made, the newest counts."""
        self.jobs.pop(attempt, None)
        self.runs.pop(attempt, None)
        if not holders:
            self._holders.pop(attempt, None)
            return
        self._holders[attempt] = holders
        fact = max(holders, key=lambda holder: holder.version).fact
        if isinstance(fact, JobFact):
            self.jobs[attempt] = fact
        elif isinstance(fact, ChildFact):
            self.runs[attempt] = fact

    def _keep_pods(self, attempt: Attempt, pods: tuple[PodFact, ...]) -> None:
        if pods:
            self.pods[attempt] = pods
        else:
            self.pods.pop(attempt, None)
        if any(pod.alive for pod in pods):
            self.alive.add(attempt)
        else:
            self.alive.discard(attempt)
