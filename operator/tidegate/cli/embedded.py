"""A cluster for one process: the sandbox, and the operator that works on it, in one event loop."""

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator, Coroutine, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from tidegate.api.backfill import Backfill
from tidegate.api.crd import crds
from tidegate.api.flow import Flow
from tidegate.api.flowapproval import FlowApproval
from tidegate.api.flowrun import FlowRun
from tidegate.api.problems import problems_of
from tidegate.app import Operator
from tidegate.cli.connection import Connection, Where, connect
from tidegate.errors import Problem
from tidegate.kube.credentials import load_credentials
from tidegate.kube.health import Unwell
from tidegate.receiver.service import Receiver
from tidegate.sandbox.reviews import USER
from tidegate.sandbox.sandbox import Sandbox
from tidegate.settings import Settings

T = TypeVar("T")

_MODELS: Mapping[str, type[BaseModel]] = {
    "Backfill": Backfill,
    "Flow": Flow,
    "FlowApproval": FlowApproval,
    "FlowRun": FlowRun,
}

# A laptop sleeps, and a person stops a process with Ctrl-Z: neither is a reason to give up.
_PATIENCE_SECONDS = 1e6


@dataclass(frozen=True, slots=True)
class Embedded:
    """What runs: the server's address, the way to it, a connection, and the operator's task."""

    url: str
    kubeconfig: Path
    connection: Connection
    operator: asyncio.Task[None]

    async def unless_broken(self, work: Coroutine[Any, Any, T]) -> T:
        """Do some work; if the operator ends first, stop and raise what it ended with."""
        task = asyncio.ensure_future(work)
        try:
            await asyncio.wait({task, self.operator}, return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                return task.result()
        finally:
            if not task.done():
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
        self.operator.result()
        raise Unwell("the operator has ended without saying why")


@contextlib.asynccontextmanager
async def embedded(
    *, port: int = 0, data_dir: Path | None = None, kubeconfig: Path | None = None
) -> AsyncIterator[Embedded]:
    """Start both, and leave nothing behind at the end.

    Args:
        port: of the API server; 0 for any free one.
        data_dir: where its state is kept; in memory by default.
        kubeconfig: where to write the way to it; a temporary file by default.
    """
    with tempfile.TemporaryDirectory(prefix="tidegate-") as folder:
        path = kubeconfig or Path(folder) / "kubeconfig"
        async with Sandbox(port=port, data_dir=data_dir, crds=crds(), admit=admit) as sandbox:
            sandbox.write_kubeconfig(path)
            async with connect(Where(kubeconfig=str(path))) as connection:
                operator = Operator(_settings(path), load_credentials(kubeconfig=str(path)))
                async with _working(operator) as work:
                    here = Embedded(sandbox.url, path, connection, work)
                    await here.unless_broken(_ready(operator))
                    yield here


@contextlib.asynccontextmanager
async def receiving(here: Embedded, *, port: int = 0) -> AsyncIterator[int]:
    """Take events for webhooks on loopback; gives the port, 0 asks for any free one."""
    settings = replace(_settings(here.kubeconfig), hooks_host="127.0.0.1", hooks_port=port)
    receiver = Receiver(settings, load_credentials(kubeconfig=str(here.kubeconfig)))
    work = asyncio.create_task(receiver.serve())
    try:
        await here.unless_broken(_received(receiver, work))
        yield receiver.port or 0
    finally:
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)


async def _received(receiver: Receiver, work: asyncio.Task[None]) -> None:
    ready = asyncio.ensure_future(receiver.ready.wait())
    await asyncio.wait({work, ready}, return_when=asyncio.FIRST_COMPLETED)
    if work.done():
        ready.cancel()
        work.result()


def admit(obj: dict[str, Any], old: dict[str, Any] | None) -> list[Problem]:
    """Say what the rules in our CRDs and the policy on approvals would refuse; they are CEL, for real API servers."""
    model = _MODELS[obj["kind"]]
    try:
        model.model_validate(obj, extra="ignore")
    except ValidationError as error:
        return problems_of(error, model)
    if obj["kind"] == "FlowApproval" and old is None and obj["spec"]["by"] != USER:
        message = f"{obj['spec']['by']!r}, and the request comes from {USER!r}: nobody decides in another's name"
        return [Problem(0, 0, "spec.by", message)]
    return []


def _settings(kubeconfig: Path) -> Settings:
    return Settings(
        kubeconfig=str(kubeconfig),
        leader_election=False,
        probe_host="127.0.0.1",
        probe_port=0,
        loop_lag_seconds=_PATIENCE_SECONDS,
        patience_seconds=_PATIENCE_SECONDS,
    )


async def _ready(operator: Operator) -> None:
    await operator.ready.wait()


@contextlib.asynccontextmanager
async def _working(operator: Operator) -> AsyncIterator[asyncio.Task[None]]:
    work = asyncio.create_task(operator.run())
    try:
        yield work
    finally:
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
