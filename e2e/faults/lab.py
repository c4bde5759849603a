"""Where runs are disturbed: a cluster, the record of it, operators of our own, a stage for each run."""

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from tidegate.kube.credentials import load_credentials

from .api import Api
from .operators import Nursery, Supervised, environment, nursery
from .proxy import Proxy, Upstream
from .recorder import Record, Recorder
from .requests import Request
from .samples import Sample

_SETTLE_SECONDS = 0.5
RUN_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Lab:
    """All that is shared by the stages of one cluster; `folder` takes kubeconfigs and the operators' logs."""

    api: Api
    recorder: Recorder
    home: Nursery
    upstream: Upstream
    folder: Path
    kubeconfig: Path

    @contextlib.asynccontextmanager
    async def namespace(self) -> AsyncIterator[str]:
        """Make a namespace under the restricted Pod Security Standard, and delete it without waiting."""
        name = f"faults-{uuid.uuid4().hex[:10]}"
        metadata = {"name": name, "labels": {"pod-security.kubernetes.io/enforce": "restricted"}}
        await self.api.post("/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
        try:
            await self._await_account(name)
            yield name
        finally:
            await self.api.delete(f"/api/v1/namespaces/{name}")

    @contextlib.asynccontextmanager
    async def stage(self, operators: int = 1, **settings: str) -> AsyncIterator["Stage"]:
        """Open a namespace with operators of its own, each behind a proxy of its own, under more settings."""
        async with self.namespace() as name, contextlib.AsyncExitStack() as stack:
            settings |= {"lease_namespace": name}
            seats = [await stack.enter_async_context(self._seat(name, settings)) for _ in range(operators)]
            yield Stage(self, name, tuple(seats))

    @contextlib.asynccontextmanager
    async def _seat(self, namespace: str, settings: Mapping[str, str]) -> AsyncIterator["Seat"]:
        async with Proxy(self.upstream) as proxy:
            env = environment(proxy.kubeconfig(self.folder), namespace, **settings)
            operator = Supervised(self.home, env, self.folder / f"{namespace}-{proxy.port}.log")
            working = asyncio.create_task(operator.run())
            try:
                yield Seat(proxy, operator)
            finally:
                working.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await working

    async def _await_account(self, namespace: str) -> None:
        """Without it the Job controller's first pod is refused, and the second comes ten seconds later."""
        while True:
            try:
                await self.api.get(f"/api/v1/namespaces/{namespace}/serviceaccounts/default")
            except aiohttp.ClientResponseError:
                await asyncio.sleep(0.05)
            else:
                return


@dataclass(frozen=True, slots=True)
class Seat:
    """An operator and its proxy."""

    proxy: Proxy
    operator: Supervised


@dataclass(frozen=True, slots=True)
class Stage:
    """One namespace, and the operators that see nothing else."""

    lab: Lab
    namespace: str
    seats: tuple[Seat, ...]

    @property
    def writes(self) -> list[Request]:
        """Give what the first operator wrote so far."""
        return list(self.seats[0].proxy.writes)

    async def play(self, sample: Sample, seconds: float = RUN_SECONDS) -> Record:
        """Run a sample until it ends, and a moment longer; give its record, also when the time is over."""
        for manifest in sample.manifests:
            await self.lab.api.create(manifest, self.namespace)
        path = f"/apis/tidegate.dev/v1alpha1/namespaces/{self.namespace}/flowruns"
        record = await self._start(sample, sample.flow)
        if sample.cancel_at is not None:
            await until(record, lambda: record.state_of(str(sample.cancel_at)) == "Running", seconds)
            await self.lab.api.patch(f"{path}/{sample.flow}", {"spec": {"desiredState": "Cancelled"}})
        if sample.approve is not None:
            await until(record, lambda: record.state_of(str(sample.approve)) == "Waiting", seconds)
            await self._approve(record.run["metadata"]["uid"], sample)
        await until(record, lambda: "completionTime" in record.status, seconds)
        if sample.mended is not None and "completionTime" in record.status:
            record.again = await self._do_again(sample, seconds)
        await asyncio.sleep(_SETTLE_SECONDS)
        return record

    async def _start(self, sample: Sample, name: str, **spec: object) -> Record:
        run = {"flowRef": {"name": sample.flow}, **spec}
        manifest = {"apiVersion": "tidegate.dev/v1alpha1", "kind": "FlowRun", "metadata": {"name": name}, "spec": run}
        made = await self.lab.api.create(manifest, self.namespace)
        return self.lab.recorder.of(made["metadata"]["uid"])

    async def _do_again(self, sample: Sample, seconds: float) -> Record:
        await self.lab.api.create(dict(sample.mended or {}), self.namespace)
        again = await self._start(sample, f"{sample.flow}-again", rerun={"of": sample.flow})
        await until(again, lambda: "completionTime" in again.status, seconds)
        return again

    async def _approve(self, uid: str, sample: Sample) -> None:
        review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
        found = await self.lab.api.post("/apis/authentication.k8s.io/v1/selfsubjectreviews", review)
        who = found["status"]["userInfo"]["username"]
        decision = {"run": sample.flow, "runUID": uid, "task": sample.approve, "decision": "Approved", "by": who}
        manifest = {"apiVersion": "tidegate.dev/v1alpha1", "kind": "FlowApproval", "metadata": {"name": sample.flow}}
        await self.lab.api.create({**manifest, "spec": decision}, self.namespace)


async def until(record: Record, holds: Callable[[], bool], seconds: float) -> None:
    """Wait until something is to be seen in a record, or the time is over."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while not holds():
                record.changed.clear()
                await record.changed.wait()


@contextlib.asynccontextmanager
async def open_lab(kubeconfig: Path, folder: Path, plants: Sequence[str] = ()) -> AsyncIterator[Lab]:
    """Open a lab on a cluster that has our CRDs; for `plants` see nursery.main."""
    credentials = load_credentials(kubeconfig=str(kubeconfig), environ={})
    api, upstream = Api(credentials), Upstream(credentials)
    try:
        async with nursery(plants) as home, Recorder(api) as recorder:
            yield Lab(api, recorder, home, upstream, folder, kubeconfig)
    finally:
        await upstream.close()
        await api.close()
