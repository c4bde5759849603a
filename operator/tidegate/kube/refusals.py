"""What keeps a Job that was accepted without a pod: a quota, Pod Security, a ServiceAccount that is not there.

The Job's status says nothing of it; only Events of its controller do. So they are read, now and then, for Jobs that
have had no pod for a while: no watch, and people alone read the words. An attempt fails, if at all, by its deadline.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from tidegate.engine.facts import Attempt, JobState
from tidegate.errors import ApiError
from tidegate.kube.children import Children
from tidegate.kube.client import Client, Object
from tidegate.kube.resources import EVENTS
from tidegate.kube.session import Session

FIRST_SECONDS = 10.0
"""A Job may be without a pod for this long before its Events are read."""
LAST_SECONDS = 300.0
"""Each time nothing has changed they are read half as often, but as often as this."""

_FAILED_CREATE = "reason=FailedCreate,regarding.kind=Job"
_FRAME = re.compile(r'(\(combined from similar events\): )?(Error creating: )?(pods? "[^"]*" is \w+: )?')
"""What the controller says around the words: a name that no pod bears, another each time."""


async def ask(client: Client, session: Session, children: Children, now: float) -> float | None:
    """Ask why Jobs of a run have no pod; give the seconds after which to look again, 0 for at once, None for never.

    Args:
        client: the API server.
        session: the run; takes the words.
        children: its Jobs and pods.
        now: on the monotonic clock.
    """
    memory = session.state.memory
    starts = memory.starts if memory else {}
    if not starts:
        session.bare, session.refused_pods = {}, {}
        return None
    if session.bare_seen is not None and now < session.bare_seen + FIRST_SECONDS:
        return session.bare_seen + FIRST_SECONDS - now
    session.bare_seen = now
    session.bare = {a: session.bare.get(a, (now + FIRST_SECONDS, 0)) for a in _bare(session, starts, children)}
    due = {attempt: asked for attempt, (at, asked) in session.bare.items() if at <= now}
    if due and await _read(client, session, children, now):
        return 0.0
    return max(FIRST_SECONDS, min(at for at, _ in session.bare.values()) - now) if session.bare else None


def _bare(session: Session, starts: Mapping[int, float], children: Children) -> Iterator[Attempt]:
    """Give the attempts whose Job may make pods and has none, of those that do not run yet."""
    for slot in starts:
        attempt = slot, session.state.ledger.attempts[slot]
        job = children.jobs.get(attempt)
        if job is not None and job.state is JobState.ACTIVE and attempt not in children.pods:
            yield attempt


async def _read(client: Client, session: Session, children: Children, now: float) -> bool:
    """Read what is said of all Jobs without pods; say whether it is news."""
    for attempt, (_, asked) in session.bare.items():
        session.bare[attempt] = now + min(FIRST_SECONDS * 2.0 ** min(asked, 10), LAST_SECONDS), asked + 1
    uids = {children.jobs[attempt].uid: attempt for attempt in session.bare}
    fields = f"{_FAILED_CREATE},regarding.uid={next(iter(uids))}" if len(uids) == 1 else _FAILED_CREATE
    try:
        events = (await client.list(EVENTS, session.run.namespace, fields=fields)).items
    except ApiError:
        return False
    told = {uids[uid]: _words(event) for event in sorted(events, key=_last_seen) if (uid := _job(event)) in uids}
    if told == session.refused_pods:
        return False
    session.unsettled |= {slot for slot, _ in {*told, *session.refused_pods}}
    session.refused_pods = told
    return True


def _job(event: Object) -> str:
    return str((event.get("regarding") or {}).get("uid", ""))


def _last_seen(event: Mapping[str, Any]) -> str:
    series = (event.get("series") or {}).get("lastObservedTime")
    last = series or event.get("deprecatedLastTimestamp") or event.get("eventTime")
    return str(last or event["metadata"].get("creationTimestamp") or "")


def _words(event: Mapping[str, Any]) -> str:
    note = str(event.get("note") or "")
    return note[match.end() :] if (match := _FRAME.match(note)) else note
