"""Namespaces that take no new pods, as under a full quota: the Job is there, and only an Event says why it has none."""

from tidegate.errors import AlreadyExists
from tidegate.sandbox.cluster import Cluster
from tidegate.sandbox.kinds import EVENTS
from tidegate.sandbox.moments import stamp
from tidegate.sandbox.tree import Object

RETRY_SECONDS = 10.0


class PodRefusals:
    """Who refuses pods is not modelled: whoever drives the world says where, and with which words."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._words: dict[str, str] = {}

    def set(self, namespace: str, words: str) -> None:
        """Refuse new pods in a namespace with these words; without words, take them again."""
        self._words[namespace] = words

    def refuses(self, job: Object) -> bool:
        """Say whether a Job's pod is refused; if so, an Event tells it."""
        words = self._words.get(job["metadata"]["namespace"])
        if words:
            self._tell(job, f'Error creating: pods "{job["metadata"]["name"]}-xxxxx" is forbidden: {words}')
        return bool(words)

    def _tell(self, job: Object, note: str) -> None:
        meta, now = job["metadata"], stamp(self._cluster.now)
        regarding = {field: meta[field] for field in ("name", "namespace", "uid")}
        event: Object = {
            "metadata": {"name": f"{meta['name']}.refused", "namespace": meta["namespace"]},
            "type": "Warning",
            "reason": "FailedCreate",
            "note": note,
            "regarding": {"apiVersion": "batch/v1", "kind": "Job", **regarding},
            "deprecatedSource": {"component": "job-controller"},
            "deprecatedFirstTimestamp": now,
            "deprecatedLastTimestamp": now,
            "deprecatedCount": 1,
        }
        try:
            self._cluster.create(EVENTS, event, None)
        except AlreadyExists:
            old = self._cluster.require(EVENTS, meta["namespace"], event["metadata"]["name"])
            same = {"deprecatedFirstTimestamp": old["deprecatedFirstTimestamp"]}
            count = {"deprecatedCount": old["deprecatedCount"] + 1}
            self._cluster.replace(EVENTS, {**event, **same, **count}, "")
