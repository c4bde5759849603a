"""Telling a run to stop: the operator's own wish goes into its status, where people's `desiredState` is not touched."""

from tidegate.engine.wishes import STRICTNESS, Stop
from tidegate.kube.client import Client, Object
from tidegate.kube.resources import FLOWRUNS
from tidegate.kube.store import version_of
from tidegate.kube.writer import write_status


async def tell_to_stop(client: Client, run: Object, stop: Stop) -> Object:
    """Give a run as it is once it has been told; a wish that is as strict and was there before stays.

    Raises:
        Conflict, NotFound: it is not any more what was given.
    """
    status = run.get("status") or {}
    known = (status.get("stop") or {}).get("state", "Running")
    if STRICTNESS[known] >= STRICTNESS[stop.state]:
        return run
    return await write_status(client, FLOWRUNS, run, {**status, "stop": stop.dump()}, version_of(run))
