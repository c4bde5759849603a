"""Following one FlowRun, or a Backfill, to its end, whatever becomes of the connection."""

import asyncio
from collections.abc import AsyncIterator

from tidegate.api.keys import LABEL_RUN
from tidegate.cli.flowruns import outcome
from tidegate.errors import Gone, Unavailable, UsageError
from tidegate.kube.client import Client, Object
from tidegate.kube.resources import FLOWRUNS, Resource

_RETRY_SECONDS = 1.0


async def follow(client: Client, run: Object, resource: Resource = FLOWRUNS) -> AsyncIterator[Object]:
    """Give a run, or a Backfill, as it is now and after every change; the last one given has ended.

    Raises:
        UsageError: it was deleted.
        NotFound: it had been deleted before it could be looked at.
    """
    namespace, name, uid = (run["metadata"][key] for key in ("namespace", "name", "uid"))
    labels = f"{LABEL_RUN}={name}" if (run["metadata"].get("labels") or {}).get(LABEL_RUN) == name else ""
    while True:
        try:
            run = await client.get(resource, namespace, name)
            if run["metadata"]["uid"] != uid:
                raise _deleted(resource, name)
            yield run
            if outcome(run) is not None:
                return
            version = run["metadata"]["resourceVersion"]
            async for change in client.watch(resource, namespace, resource_version=version, labels=labels):
                if change.type == "BOOKMARK" or change.object["metadata"].get("uid") != uid:
                    continue
                if change.type == "DELETED":
                    raise _deleted(resource, name)
                yield change.object
                if outcome(change.object) is not None:
                    return
        except (Gone, Unavailable):
            await asyncio.sleep(_RETRY_SECONDS)


def _deleted(resource: Resource, name: str) -> UsageError:
    return UsageError(f"{resource.kind} {name} was deleted while it was followed: how it would have ended is not known")
