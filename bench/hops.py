"""Hops of a chain as an onlooker sees them: a container's end arrives on a watch, then the next Job does."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from itertools import pairwise

from bench.plain import has_ended, job_of
from bench.runs import NAMESPACE
from tidegate.kube.client import Client
from tidegate.kube.resources import JOBS, PODS


class Hops:
    """When each container's end and each Job was first seen, in seconds of one monotonic clock, in order."""

    def __init__(self) -> None:
        self._ends: dict[str, float] = {}
        self._births: dict[str, float] = {}

    def milliseconds(self) -> list[float]:
        """Give, for each Job but the first, how long after the end of the one before it was seen.

        Pods of earlier chains still change while the watch runs: only the ends of Jobs born meanwhile count.
        """
        born = list(self._births)
        return [1000 * (self._births[after] - self._ends[before]) for before, after in pairwise(born)]

    async def look_at_pods(self, client: Client, version: str) -> None:
        """Follow pods until cancelled."""
        async for change in client.watch(PODS, NAMESPACE, resource_version=version):
            if change.type == "MODIFIED" and has_ended(change.object):
                self._ends.setdefault(job_of(change.object), time.perf_counter())

    async def look_at_jobs(self, client: Client, version: str) -> None:
        """Follow Jobs until cancelled."""
        async for change in client.watch(JOBS, NAMESPACE, resource_version=version):
            if change.type == "ADDED":
                self._births.setdefault(change.object["metadata"]["name"], time.perf_counter())


@contextlib.asynccontextmanager
async def hops(client: Client) -> AsyncIterator[Hops]:
    """Watch while the block runs; nothing else may run in the namespace meanwhile."""
    seen = Hops()
    pods, jobs = await client.list(PODS, NAMESPACE), await client.list(JOBS, NAMESPACE)
    looks = [
        asyncio.create_task(seen.look_at_pods(client, pods.resource_version)),
        asyncio.create_task(seen.look_at_jobs(client, jobs.resource_version)),
    ]
    try:
        yield seen
    finally:
        for look in looks:
            look.cancel()
        await asyncio.gather(*looks, return_exceptions=True)
