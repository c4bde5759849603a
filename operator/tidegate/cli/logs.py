"""`tidegate logs`: what the tasks of a run print."""

import asyncio
import sys

import click

from tidegate.cli import items, podlogs
from tidegate.cli.connection import Connection, Where, cluster_options, connect, run_async
from tidegate.cli.flowruns import outcome
from tidegate.errors import TidegateError, UsageError
from tidegate.kube.client import Object
from tidegate.kube.resources import FLOWRUNS

_POLL_SECONDS = 0.5


@click.command()
@click.argument("run")
@click.argument("task", required=False)
@click.option("-f", "--follow", is_flag=True, help="Wait for what is printed later, until the run ends.")
@cluster_options
def command(
    run: str,
    task: str | None,
    *,
    follow: bool,
    namespace: str | None,
    cluster_context: str | None,
    kubeconfig: str | None,
) -> None:
    """Show the log of TASK in RUN, or those of all tasks, each line after `task | `.

    The items of a fan-out are tasks of their own here: `load[7] | `, and TASK may be one of them, 'load[7]'.
    """
    run_async(_logs(run, task, follow=follow, where=Where(namespace, cluster_context, kubeconfig)))


async def _logs(name: str, task: str | None, *, follow: bool, where: Where) -> None:
    async with connect(where) as connection:
        run = await connection.client.get(FLOWRUNS, connection.namespace, name)
        if follow:
            try:
                await _follow(connection, run, task)
            except* TidegateError as errors:
                raise errors.exceptions[0] from None
        elif task is not None:
            await _show(connection, run, task)
        else:
            await _show_all(connection, run)


async def _show(connection: Connection, run: Object, task: str) -> None:
    """Copy the log of a task's last attempt to stdout, byte for byte; of a fan-out those of all items, line by line."""
    pods = podlogs.latest(run, await podlogs.pods_of(connection, run, task))
    started = [pod for pod in pods if podlogs.has_started(pod)]
    if not started:
        raise UsageError(podlogs.absence(run, task))
    for pod in started:
        await _copy(connection, run, pod, prefixed=len(started) > 1, follow=False)


async def _show_all(connection: Connection, run: Object) -> None:
    pods = [pod for pod in await podlogs.pods_of(connection, run) if podlogs.has_started(pod)]
    if not pods:
        name, ended = run["metadata"]["name"], outcome(run)
        why = "no task of it has started yet" if ended is None else "its pods are gone, or it never had any"
        raise UsageError(f"FlowRun {name} has no logs: {why}")
    for pod in pods:
        await _copy(connection, run, pod, prefixed=True, follow=False)


async def _follow(connection: Connection, run: Object, task: str | None) -> None:
    """Follow every pod that appears, until the run has ended and no pod is left to appear."""
    seen: set[str] = set()
    async with asyncio.TaskGroup() as group:
        while True:
            run = await connection.client.get(FLOWRUNS, run["metadata"]["namespace"], run["metadata"]["name"])
            ended = outcome(run) is not None
            for pod in await podlogs.pods_of(connection, run, task):
                if pod["metadata"]["uid"] not in seen and podlogs.has_started(pod):
                    seen.add(pod["metadata"]["uid"])
                    prefixed = task is None or items.name_of(run, pod) != task
                    group.create_task(_copy(connection, run, pod, prefixed=prefixed, follow=True))
            if ended:
                break
            await asyncio.sleep(_POLL_SECONDS)
    if not seen and task is not None:
        raise UsageError(podlogs.absence(run, task))


async def _copy(connection: Connection, run: Object, pod: Object, *, prefixed: bool, follow: bool) -> None:
    chunks = podlogs.read(connection, pod, follow=follow)
    if not prefixed:
        async for chunk in chunks:
            _write(chunk)
        return
    prefix = f"{items.name_of(run, pod)} | ".encode()
    async for line in podlogs.lines(chunks):
        _write(prefix + line + b"\n")


def _write(data: bytes) -> None:
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()
