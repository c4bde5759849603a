"""Leader election on a Lease: who works, and until when its writes may still begin.

Safety does not depend on it (two leaders would do no harm, only double work). A leader may write until
`renew_deadline` after the *beginning* of its last successful renewal; others take over only `duration` after they
saw the Lease change last, which is later. Validity is measured on a clock that goes on while the machine sleeps
(CLOCK_BOOTTIME); the clocks of two machines are never compared.
"""

import asyncio
import logging
import random
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import NamedTuple

from tidegate.errors import AlreadyExists, ApiError, Conflict, NotFound
from tidegate.kube.client import Client, Object
from tidegate.kube.resources import LEASES

log = logging.getLogger(__name__)

_RELEASE_SECONDS = 3.0


class Terms(NamedTuple):
    """Seconds: how long others wait for a silent leader, how long it writes without renewal, how often it renews."""

    duration: float = 15.0
    renew_deadline: float = 10.0
    retry_period: float = 2.0


_USUAL_TERMS = Terms()


def boot_clock() -> float:
    """Give seconds since boot, sleep of the machine included where the system can tell."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


class Election:
    """One candidate for the Lease `namespace/name`.

    Args:
        client: where the Lease is; its writes to leases must not be subject to `may_write`.
        namespace: the Lease's namespace.
        name: the Lease's name.
        identity: who we are; no other process may ever use it.
        clock: seconds, for validity (`boot_clock`).
        wall_clock: the date in UTC that is written into the Lease for people to read.
        rng: source of jitter.
        on_gained: called when leadership begins.
        on_lost: called when it has ended, by then `may_write` is false: abort what is still being written.
        terms: the three durations.
    """

    def __init__(  # noqa: PLR0913 - it is configured once, by keywords
        self,
        client: Client,
        *,
        namespace: str,
        name: str,
        identity: str,
        clock: Callable[[], float],
        wall_clock: Callable[[], datetime],
        rng: random.Random,
        on_gained: Callable[[], None] = lambda: None,
        on_lost: Callable[[], None] = lambda: None,
        terms: Terms = _USUAL_TERMS,
    ) -> None:
        self._client, self._namespace, self._name, self._identity = client, namespace, name, identity
        self._clock, self._wall_clock, self._rng, self._terms = clock, wall_clock, rng, terms
        self._on_gained, self._on_lost = on_gained, on_lost
        self._lease: Object | None = None  # ours, as last written
        self._seen_version = ""
        self._seen_at = clock()
        self._is_leading = False
        self._may_write_until = 0.0
        self.last_contact = clock()
        self.leading = asyncio.Event()

    def may_write(self) -> bool:
        """Tell whether a write may begin now; ask right before each one."""
        return self._is_leading and self._clock() < self._may_write_until

    @property
    def is_leader(self) -> bool:
        """Whether we lead, by the same measure as `may_write`."""
        return self.may_write()

    async def run(self) -> None:
        """Try to lead and to stay leader until cancelled, then release the Lease so that others need not wait."""
        try:
            while True:
                await self._attempt()
                await asyncio.sleep(self._pause())
        finally:
            await self._release()

    async def _attempt(self) -> None:
        began = self._clock()
        patience = self._may_write_until - began if self._is_leading else self._terms.renew_deadline
        try:
            async with asyncio.timeout(max(0.0, patience)):
                holds = await self._renew_or_take()
        except Conflict:
            self.last_contact = self._clock()  # another candidate was faster; the next attempt will see who
        except (ApiError, TimeoutError) as error:
            log.warning("the Lease %s/%s: %s", self._namespace, self._name, str(error) or "no answer in time")
        else:
            self.last_contact = self._clock()
            if holds:
                self._extend(began)
            else:
                self._lose("another process holds the Lease")
        if self._is_leading and self._clock() >= self._may_write_until:
            self._lose("the Lease could not be renewed in time")

    async def _renew_or_take(self) -> bool:
        """Write ourselves into the Lease if it is ours, free or expired; tell whether we hold it now."""
        if self._lease is not None:
            with suppress(Conflict, NotFound):  # somebody wrote to it: look at it again
                self._lease = await self._client.replace(LEASES, self._claim(self._lease))
                return True
            self._lease = None
        lease = await self._read()
        if lease is None:
            return await self._create()
        if not self._is_claimable(lease):
            return False
        self._lease = await self._client.replace(LEASES, self._claim(lease))
        return True

    async def _read(self) -> Object | None:
        try:
            return await self._client.get(LEASES, self._namespace, self._name)
        except NotFound:
            return None

    async def _create(self) -> bool:
        metadata = {"name": self._name, "namespace": self._namespace}
        body = {"apiVersion": LEASES.api_version, "kind": LEASES.kind, "metadata": metadata, "spec": {}}
        with suppress(AlreadyExists):
            self._lease = await self._client.create(LEASES, self._namespace, self._claim(body))
            return True
        return False

    def _is_claimable(self, lease: Object) -> bool:
        version, spec = lease["metadata"].get("resourceVersion", ""), lease.get("spec") or {}
        if version != self._seen_version:
            self._seen_version, self._seen_at = version, self._clock()
        if spec.get("holderIdentity") in (None, "", self._identity):
            return True
        patience = float(spec.get("leaseDurationSeconds") or self._terms.duration)
        return self._clock() >= self._seen_at + patience

    def _claim(self, lease: Object) -> Object:
        """Give the Lease with ourselves as its holder, renewed now."""
        spec = dict(lease.get("spec") or {})
        now = _micro_time(self._wall_clock())
        if spec.get("holderIdentity") != self._identity:
            transitions = int(spec.get("leaseTransitions") or 0)
            spec["leaseTransitions"] = transitions + 1 if spec.get("acquireTime") else transitions
            spec["acquireTime"] = now
        # The API server takes whole seconds, and not less than one.
        seconds = max(1, round(self._terms.duration))
        spec |= {"holderIdentity": self._identity, "leaseDurationSeconds": seconds, "renewTime": now}
        return {**lease, "spec": spec}

    def _extend(self, began: float) -> None:
        self._may_write_until = began + self._terms.renew_deadline
        if not self._is_leading and self._clock() < self._may_write_until:
            log.info("%s leads: it holds the Lease %s/%s", self._identity, self._namespace, self._name)
            self._is_leading = True
            self.leading.set()
            self._on_gained()

    def _lose(self, why: str) -> None:
        if self._is_leading:
            log.warning("%s leads no more: %s", self._identity, why)
            self._is_leading = False
            self.leading.clear()
            self._on_lost()

    def _pause(self) -> float:
        """Leaders renew on time; candidates spread out."""
        period = self._terms.retry_period
        if not self._is_leading:
            return period * self._rng.uniform(1.0, 1.2)
        return max(0.0, min(period, self._may_write_until - self._clock()))

    async def _release(self) -> None:
        """Stop writing, then give the Lease away if it is ours."""
        lease = self._lease
        self._lose("it was asked to stop")
        if lease is None:
            return
        with suppress(ApiError, TimeoutError):
            async with asyncio.timeout(_RELEASE_SECONDS):
                try:
                    await self._give_away(lease)
                except Conflict:  # a renewal that we did not wait for got through
                    await self._give_away(await self._client.get(LEASES, self._namespace, self._name))

    async def _give_away(self, lease: Object) -> None:
        spec = lease.get("spec") or {}
        if spec.get("holderIdentity") != self._identity:
            return
        spec = {**spec, "renewTime": _micro_time(self._wall_clock()), "leaseDurationSeconds": 1}
        del spec["holderIdentity"]
        await self._client.replace(LEASES, {**lease, "spec": spec})
        log.info("%s released the Lease %s/%s", self._identity, self._namespace, self._name)


def _micro_time(instant: datetime) -> str:
    return instant.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
