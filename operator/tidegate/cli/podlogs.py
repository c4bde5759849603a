"""What the containers of a run's tasks print, read from the kubelet by way of the API server."""

from collections.abc import AsyncIterable, AsyncIterator, Iterable, Mapping
from typing import Any

import aiohttp

from tidegate.api import keys
from tidegate.cli import items
from tidegate.cli.connection import Connection
from tidegate.errors import Unavailable, UsageError
from tidegate.kube import answers
from tidegate.kube.client import Object
from tidegate.kube.resources import PODS

_CONTAINER = "main"
_WAITING = ("Pending", "Unknown")


async def pods_of(connection: Connection, run: Object, task: str | None = None) -> list[Object]:
    """Give the pods of a run, or of one task (`load`) or item (`load[7]`) of it, by task, item and attempt."""
    name, item = items.parse(task) if task else ("", None)
    labels = f"{keys.LABEL_RUN_UID}={run['metadata']['uid']}" + (f",{keys.LABEL_TASK}={name}" if name else "")
    pods = (await connection.client.list(PODS, run["metadata"]["namespace"], labels=labels)).items
    wanted = [pod for pod in pods if item is None or items.item_of(run, pod) == item]
    return sorted(wanted, key=lambda pod: _place(run, pod))


def _place(run: Object, pod: Mapping[str, Any]) -> tuple[int, int, int, str]:
    labels, created = pod["metadata"]["labels"], str(pod["metadata"].get("creationTimestamp"))
    slot, attempt = int(labels.get(keys.LABEL_SLOT, 0)), int(labels.get(keys.LABEL_ATTEMPT, 0))
    return slot, items.item_of(run, pod) or 0, attempt, created


def latest(run: Object, pods: Iterable[Object]) -> list[Object]:
    """Keep the last pod of each task and item: earlier attempts have had their say."""
    return list({items.name_of(run, pod): pod for pod in pods}.values())


def has_started(pod: Mapping[str, Any]) -> bool:
    """Whether there can be a log."""
    if (pod.get("status") or {}).get("phase", "Pending") not in _WAITING:
        return True
    states = (pod.get("status") or {}).get("containerStatuses") or ()
    return any("waiting" not in (status.get("state") or {"waiting": {}}) for status in states)


def absence(run: Object, task: str) -> str:
    """Say why a task has no pod."""
    rows = (run.get("status") or {}).get("tasks") or ()
    row = next((row for row in rows if row["name"] == items.parse(task)[0]), None)
    name = run["metadata"]["name"]
    if row is None:
        known = ", ".join(row["name"] for row in rows)
        return f'FlowRun {name} has no task "{task}" among its rows' + (f": {known}" if known else ", it has none yet")
    if row.get("child"):
        return f"{task} has no log of its own: it is the run {row['child']}; `tidegate logs {row['child']}` shows that"
    if row["state"] in ("Pending", "Ready", "Starting", "Queued", "Waiting", "Retrying"):
        return f"{task} has no log yet: it is {row['state']}{_because(row)}"
    if not row.get("attempt"):
        return f"{task} has no log: it is {row['state']} and never had a pod{_because(row)}"
    return f"the pod of {task} is gone, and its log with it: both stay only as long as the Flow's jobRetention says"


def _because(row: Mapping[str, Any]) -> str:
    said = ": ".join(word for word in (row.get("reason"), row.get("message")) if word)
    return f" ({said})" if said else ""


async def read(connection: Connection, pod: Object, *, follow: bool = False) -> AsyncIterator[bytes]:
    """Give a pod's log as it comes.

    Raises:
        UsageError: the API server refuses: the container has not started, or the pod is gone.
        Unavailable: the connection broke.
    """
    meta = pod["metadata"]
    url = connection.credentials.server + PODS.path(meta["namespace"], meta["name"], "log")
    params = {"container": _CONTAINER, **({"follow": "true"} if follow else {})}
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=10)
    try:
        async with (
            connection.credentials.open_session(timeout=timeout) as session,
            session.get(url, params=params) as response,
        ):
            if response.status != 200:
                error = answers.error_of(response.status, await response.read(), response.headers)
                raise UsageError(f"the log of {items.task_of(pod)} cannot be read: {error.message}")
            async for chunk in response.content.iter_any():
                yield chunk
    except (aiohttp.ClientError, OSError) as error:
        raise Unavailable(0, "NoAnswer", f"the log of {items.task_of(pod)} broke off: {error}") from error


async def lines(chunks: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    """Cut a log into lines without their ends; the last one may lack its end."""
    rest = b""
    async for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            yield line
    if rest:
        yield rest
