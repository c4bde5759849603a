"""`tidegate run` on a cluster: start a run there, and wait for it if that is wanted."""

from collections.abc import Mapping, Sequence
from typing import Any

import click

from tidegate.api.flow import FlowSpec
from tidegate.cli import parameters, running
from tidegate.cli.applying import apply_all
from tidegate.cli.choosing import Chosen
from tidegate.cli.connection import Connection
from tidegate.cli.progress import progress
from tidegate.errors import NotFound, UsageError
from tidegate.kube.client import Object
from tidegate.kube.graphs import Graphs
from tidegate.kube.resources import FLOWS


async def start_named(connection: Connection, flow: str, texts: Mapping[str, str]) -> Object:
    """Start a run of a Flow that the cluster has.

    Raises:
        UsageError: there is no such Flow.
        InvalidSpec: the Flow or a param is wrong; no run was created.
    """
    try:
        obj = await connection.client.get(FLOWS, connection.namespace, flow)
    except NotFound:
        raise UsageError(
            f'there is no Flow "{flow}" in namespace {connection.namespace}; '
            "`kubectl get flows -A` lists them, `tidegate run -f FILE` applies one first"
        ) from None
    Graphs().compiled(obj["spec"])
    declared = FlowSpec.model_validate(obj["spec"], extra="ignore").params
    params = parameters.typed(declared, texts)
    return await running.start(connection.client, flow, connection.namespace, params)


async def start_applied(
    connection: Connection, documents: Sequence[Mapping[str, Any]], chosen: Chosen, params: Mapping[str, Any]
) -> Object:
    """Apply manifests, then start a run of one Flow of theirs where that Flow is."""
    for line in await apply_all(connection.client, documents, connection.namespace):
        click.echo(line, err=True)
    namespace = chosen.namespace or connection.namespace
    return await running.start(connection.client, chosen.flow.metadata.name, namespace, params)


async def wait(connection: Connection, run: Object) -> Object:
    """Show a run's progress; give it as it ended."""
    click.echo(f"FlowRun {run['metadata']['name']} created; Ctrl-C ends the waiting, not the run", err=True)
    with progress() as shown:
        return await running.to_the_end(connection.client, run, shown)
