"""The way to a cluster: the options that say which one, and a client for as long as a command runs."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

import click

from tidegate.kube.credentials import Credentials, load_credentials
from tidegate.kube.http import HttpClient

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Connection:
    """A client, what it was made from, and the namespace that is meant where a manifest names none."""

    client: HttpClient
    credentials: Credentials
    namespace: str


class Where(NamedTuple):
    """What the command line says of the cluster; None: as kubectl finds it."""

    namespace: str | None = None
    cluster_context: str | None = None
    kubeconfig: str | None = None


def cluster_options(command: F) -> F:
    """Add -n, --context and --kubeconfig to a command."""
    for option in (
        click.option("--kubeconfig", metavar="PATH", help="Kubeconfig; by default as kubectl finds it."),
        click.option("--context", "cluster_context", metavar="NAME", help="Context of the kubeconfig."),
        click.option("-n", "--namespace", metavar="NAME", help="Namespace; by default that of the context."),
    ):
        command = option(command)
    return command


@contextlib.asynccontextmanager
async def connect(where: Where) -> AsyncIterator[Connection]:
    """Open a connection and close it at the end.

    Raises:
        UsageError: no cluster is configured.
    """
    credentials = load_credentials(where.cluster_context, where.kubeconfig)
    client = HttpClient(credentials, rng=random.Random())  # noqa: S311  jitter
    try:
        yield Connection(client, credentials, where.namespace or credentials.namespace)
    finally:
        await client.close()


def run_async(work: Coroutine[Any, Any, T]) -> T:
    """Run a command's coroutine; Ctrl-C, where nothing else is made of it, ends the process without a traceback."""
    try:
        return asyncio.run(work)
    except KeyboardInterrupt:
        raise click.exceptions.Exit(130) from None
