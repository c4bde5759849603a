"""What Kueue says of Jobs that wait in its queues, read now and then from its Workloads.

Only people read it: without Kueue, without the right to read its objects, nothing is missing but its words.
"""

from collections.abc import Mapping
from typing import Any

from tidegate.api.conditions import find
from tidegate.engine.facts import Attempt, JobFact, JobState
from tidegate.errors import ApiError, NotFound
from tidegate.kube.client import Client, Object
from tidegate.kube.resources import Resource
from tidegate.kube.session import Session

ASK_SECONDS = 15.0
MOST_JOBS = 50
"""Jobs asked for in one request, so that its URL stays short; the others tell the same, mostly."""

WORKLOADS = tuple(Resource("kueue.x-k8s.io", version, "workloads", "Workload") for version in ("v1beta2", "v1beta1"))
JOB_UID = "kueue.x-k8s.io/job-uid"


async def ask(client: Client, session: Session, jobs: Mapping[Attempt, JobFact], now: float) -> float | None:
    """Ask why the Jobs of a run wait; give the seconds after which to look again, 0 for at once, None for never.

    Args:
        client: the API server.
        session: the run; takes the words.
        jobs: its Jobs.
        now: on the monotonic clock.
    """
    if not session.has_queues:
        return None
    waiting = {job.uid: job.attempt for job in jobs.values() if job.state is JobState.SUSPENDED}
    if not waiting:
        return None
    if session.queues_asked is not None and now < session.queues_asked + ASK_SECONDS:
        return session.queues_asked + ASK_SECONDS - now
    session.queues_asked = now
    found = await _workloads(client, session.run.namespace, sorted(waiting)[:MOST_JOBS])
    words = {waiting[uid]: text for uid, text in map(_said, found) if uid in waiting and text}
    if words == session.queue_words:
        return ASK_SECONDS
    session.queue_words = words
    session.unsettled |= {slot for slot, _ in waiting.values()}
    return 0.0


async def _workloads(client: Client, namespace: str, uids: list[str]) -> list[Object]:
    for resource in WORKLOADS:
        try:
            return (await client.list(resource, namespace, labels=f"{JOB_UID} in ({','.join(uids)})")).items
        except NotFound:  # an older or newer Kueue, or none
            continue
        except ApiError:
            break
    return []


def _said(workload: Mapping[str, Any]) -> tuple[str, str]:
    """Give the UID of a Workload's Job, and the message of the first thing that it lacks."""
    conditions = (workload.get("status") or {}).get("conditions")
    lacking = (c for kind in ("QuotaReserved", "Admitted") if (c := find(conditions, kind)) and c["status"] != "True")
    uid = (workload["metadata"].get("labels") or {}).get(JOB_UID, "")
    return uid, next((str(c.get("message") or c.get("reason") or "") for c in lacking), "")
