"""`tidegate run --local`: one run on a throw-away cluster in this process."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tidegate.api.flowrun import DesiredState
from tidegate.cli import running, tasklogs
from tidegate.cli.applying import apply_all, ensure_namespaces
from tidegate.cli.asking import Asking
from tidegate.cli.embedded import Embedded, embedded
from tidegate.cli.interrupts import Interrupts, interrupts
from tidegate.cli.operatorlogs import listen_to_operator
from tidegate.cli.progress import Progress, progress
from tidegate.cli.stopping import ask_to_stop
from tidegate.errors import ApiError
from tidegate.kube.client import Object


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be run: judged manifests, one Flow among them, its params, and the logs that are wanted.

    `namespace` is the Flow's, `default_namespace` is for manifests that name none.
    """

    documents: Sequence[Mapping[str, Any]]
    flow: str
    namespace: str
    default_namespace: str
    params: Mapping[str, Any]
    log_files: Mapping[str, Path] = field(default_factory=dict)


async def run_local(order: Order, *, verbose: bool = False) -> tuple[Object, list[str]]:
    """Run it; give the run as it ended, and a sentence for each log that could not be written.

    Raises:
        ApiError: the sandbox refuses something.
        asyncio.CancelledError: it was interrupted, twice or before it began.
    """
    listen_to_operator(verbose=verbose)
    with interrupts() as interruptions, progress(lines_only=verbose) as shown:
        async with embedded() as here:
            return await here.unless_broken(_run(here, order, interruptions, shown))


async def _run(here: Embedded, order: Order, interruptions: Interrupts, shown: Progress) -> tuple[Object, list[str]]:
    client = here.connection.client
    await ensure_namespaces(client, order.documents, order.default_namespace)
    wanted = [without_triggers(document) for document in order.documents if document.get("kind") != "Backfill"]
    await apply_all(client, wanted, order.default_namespace)
    run = await running.start(client, order.flow, order.namespace, order.params)
    stops: list[asyncio.Task[None]] = []
    interruptions.on_first = lambda: stops.append(asyncio.create_task(_stop(here, run, shown)))
    try:
        ended = await running.to_the_end(client, run, Asking(shown, here.kubeconfig))
    finally:
        interruptions.on_first = None
        await asyncio.gather(*stops, return_exceptions=True)
    return ended, await tasklogs.save(here.connection, ended, order.log_files)


def without_triggers(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """Suspend the triggers of a Flow: one run was asked for, and no other."""
    if document.get("kind") != "Flow" or not document["spec"].get("triggers"):
        return document
    return {**document, "spec": {**document["spec"], "suspend": True}}


async def _stop(here: Embedded, run: Object, shown: Progress) -> None:
    """Cancel the run in the user's name."""
    shown.say("cancelling the run; interrupt again to kill it")
    try:
        namespace, name = run["metadata"]["namespace"], run["metadata"]["name"]
        await ask_to_stop(here.connection.client, namespace, name, DesiredState.CANCELLED)
    except ApiError as error:
        shown.say(f"the run could not be cancelled: {error.message}; interrupt again to kill it")
