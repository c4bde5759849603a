"""Leader election: never two writers, quick hand-over, no panic when the API server is away."""

import asyncio
import contextlib
import random
from datetime import UTC, datetime

import pytest

from kube.fake_api import FakeApi
from tidegate.errors import Unavailable
from tidegate.kube.client import Client
from tidegate.kube.lease import Election
from tidegate.kube.resources import LEASES
from virtual_loop import on_virtual_time, run

NAMESPACE, NAME = "tidegate-system", "tidegate-operator"


class Candidate:
    """A process that wants to lead; `skip` lets its clock run on, as when its machine slept."""

    def __init__(self, api, identity, seed=1, **hooks):
        self.skip = 0.0
        self.events = []
        self.election = Election(
            api,
            namespace=NAMESPACE,
            name=NAME,
            identity=identity,
            clock=lambda: asyncio.get_running_loop().time() + self.skip,
            wall_clock=lambda: datetime.fromtimestamp(1.8e9 + asyncio.get_running_loop().time(), UTC),
            rng=random.Random(seed),
            on_gained=lambda: self.events.append("gained"),
            on_lost=lambda: self.events.append("lost"),
            **hooks,
        )
        self.task = None

    def start(self):
        self.task = asyncio.create_task(self.election.run())
        return self

    async def stop(self):
        self.task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self.task

    def kill(self):
        """End without any farewell, as kill -9 does: the task is left to wait for ever."""
        self.election._client = _Dead()


class _Dead(FakeApi):
    def __init__(self):
        super().__init__()
        self.stalls = True


def lease_of(api):
    return api.objects["leases", NAMESPACE, NAME]


@on_virtual_time
async def test_a_lone_candidate_leads_at_once_and_keeps_leading():
    api = FakeApi()
    one = Candidate(api, "one").start()
    await asyncio.sleep(0.1)
    assert one.election.may_write()
    assert one.election.leading.is_set()
    for _ in range(100):
        await asyncio.sleep(7)
        assert one.election.is_leader
    spec = lease_of(api)["spec"]
    assert spec["holderIdentity"] == "one"
    assert spec["leaseDurationSeconds"] == 15
    assert spec["leaseTransitions"] == 0
    assert spec["renewTime"] > spec["acquireTime"]
    assert one.events == ["gained"]
    await one.stop()


@on_virtual_time
async def test_renewing_costs_one_request_each_period():
    api = FakeApi()
    one = Candidate(api, "one").start()
    await asyncio.sleep(1)
    api.calls.clear()
    await asyncio.sleep(200)
    assert set(api.calls) == {"replace leases"}
    assert 99 <= len(api.calls) <= 101
    await one.stop()


@on_virtual_time
async def test_a_second_candidate_waits_and_takes_over_after_a_crash():
    api = FakeApi()
    one, two = Candidate(api, "one").start(), Candidate(api, "two", seed=2)
    await asyncio.sleep(1)
    two.start()
    await asyncio.sleep(60)
    assert not two.election.may_write()
    one.kill()
    await asyncio.sleep(14)
    assert not two.election.may_write()
    await asyncio.sleep(8)
    assert two.election.may_write()
    assert not one.election.may_write()
    assert lease_of(api)["spec"]["leaseTransitions"] == 1
    await two.stop()


@on_virtual_time
async def test_a_release_hands_over_within_a_period():
    api = FakeApi()
    one, two = Candidate(api, "one").start(), Candidate(api, "two", seed=2)
    await asyncio.sleep(1)
    two.start()
    await asyncio.sleep(20)
    await one.stop()
    assert one.events == ["gained", "lost"]
    assert not one.election.may_write()
    assert "holderIdentity" not in lease_of(api)["spec"]
    await asyncio.sleep(2.5)
    assert two.election.may_write()
    await two.stop()


@on_virtual_time
async def test_a_renewal_that_got_through_unseen_does_not_keep_the_lease_from_being_released():
    api = FakeApi()
    one = Candidate(api, "one").start()
    await asyncio.sleep(5)
    api.put(LEASES, NAMESPACE, NAME, lease_of(api))  # as if its last PUT had been carried out without an answer
    await one.stop()
    assert "holderIdentity" not in lease_of(api)["spec"]


@on_virtual_time
async def test_a_follower_releases_nothing_when_it_stops():
    api = FakeApi()
    one, two = Candidate(api, "one").start(), Candidate(api, "two", seed=2)
    await asyncio.sleep(1)
    two.start()
    await asyncio.sleep(5)
    await two.stop()
    assert lease_of(api)["spec"]["holderIdentity"] == "one"
    assert one.election.may_write()
    await one.stop()


@pytest.mark.parametrize("way", ["outage", "stall"])
def test_without_the_api_server_writing_ends_at_the_renew_deadline(way):
    @on_virtual_time
    async def check():
        api = FakeApi()
        one = Candidate(api, "one").start()
        await asyncio.sleep(30.5)
        if way == "outage":
            api.outage = Unavailable(0, "NoAnswer", "connection refused")
        else:
            api.stalls = True
        await asyncio.sleep(7.4)
        assert one.election.may_write()
        await asyncio.sleep(2.7)
        assert not one.election.may_write()
        assert one.events == ["gained", "lost"]
        api.outage, api.stalls = None, False
        await asyncio.sleep(13)
        assert one.election.may_write()
        assert one.events == ["gained", "lost", "gained"]
        await one.stop()

    check()


@on_virtual_time
async def test_a_process_that_slept_does_not_write_when_it_wakes():
    api = FakeApi()
    one = Candidate(api, "one").start()
    await asyncio.sleep(5)
    one.skip += 11.0
    assert not one.election.may_write()
    await one.stop()


@on_virtual_time
async def test_another_holder_in_the_lease_ends_leadership_at_once():
    api = FakeApi()
    one = Candidate(api, "one").start()
    await asyncio.sleep(5)
    spec = {**lease_of(api)["spec"], "holderIdentity": "usurper"}
    api.put(LEASES, NAMESPACE, NAME, {"spec": spec})
    await asyncio.sleep(2.1)
    assert not one.election.may_write()
    assert one.events == ["gained", "lost"]
    await one.stop()


@on_virtual_time
async def test_somebody_who_edits_the_lease_does_not_end_leadership():
    api = FakeApi()
    one = Candidate(api, "one").start()
    await asyncio.sleep(5)
    edited = {**lease_of(api), "metadata": {"annotations": {"note": "hello"}}}
    api.put(LEASES, NAMESPACE, NAME, edited)
    await asyncio.sleep(60)
    assert one.events == ["gained"]
    await one.stop()


@on_virtual_time
async def test_a_lease_deleted_by_somebody_is_made_again():
    api = FakeApi()
    one = Candidate(api, "one").start()
    await asyncio.sleep(5)
    api.remove(LEASES, NAMESPACE, NAME)
    await asyncio.sleep(3)
    assert lease_of(api)["spec"]["holderIdentity"] == "one"
    assert one.election.may_write()
    await one.stop()


@on_virtual_time
async def test_of_many_that_start_together_one_leads():
    api = FakeApi()
    api.latency = 0.01
    crowd = [Candidate(api, f"c{index}", seed=index).start() for index in range(5)]
    for _ in range(50):
        await asyncio.sleep(1)
        assert sum(candidate.election.may_write() for candidate in crowd) == 1
    for candidate in crowd:
        await candidate.stop()


@on_virtual_time
async def test_last_contact_tells_how_long_the_lease_was_out_of_reach():
    api = FakeApi()
    one = Candidate(api, "one").start()
    await asyncio.sleep(5)
    api.outage = Unavailable(503, "Unavailable", "away")
    await asyncio.sleep(100)
    assert 98 <= asyncio.get_running_loop().time() - one.election.last_contact <= 102
    await one.stop()


class Wire(Client):
    """One candidate's own way to the API server: slow, cut, or cut after the request got through."""

    def __init__(self, api, rng):
        self.api, self.rng = api, rng
        self.slowness, self.state = 0.0, "up"

    async def get(self, resource, namespace, name):
        return await self._carry(self.api.get, resource, namespace, name)

    async def create(self, resource, namespace, body):
        return await self._carry(self.api.create, resource, namespace, body)

    async def replace(self, resource, body, *, subresource=""):
        return await self._carry(self.api.replace, resource, body)

    async def _carry(self, call, *args):
        await asyncio.sleep(self.rng.uniform(0, self.slowness))
        if self.state == "refused":
            raise Unavailable(0, "NoAnswer", "refused")
        if self.state == "stalled":
            await asyncio.sleep(1e6)
        answer = await call(*args)
        if self.state == "answers lost":
            raise Unavailable(0, "NoAnswer", "cut")
        await asyncio.sleep(self.rng.uniform(0, self.slowness))
        return answer

    def disturb(self):
        dice = self.rng.random()
        if dice < 0.03:
            self.state = self.rng.choice(["refused", "stalled", "answers lost"])
        elif dice < 0.08:
            self.state = "up"
        elif dice < 0.11:
            self.slowness = self.rng.choice([0.0, 0.1, 1.0, 4.0, 9.0])


@pytest.mark.parametrize("seed", range(25))
def test_two_never_write_at_once_whatever_the_network_does(seed):
    """An hour of virtual time on three bad wires; whoever may write is asked each quarter of a second."""
    rng = random.Random(seed)

    async def main():
        api, led = FakeApi(), set()
        wires = [Wire(api, rng) for _ in range(3)]
        crowd = [Candidate(wire, f"c{index}", seed=seed * 10 + index).start() for index, wire in enumerate(wires)]
        for _ in range(4 * 3600):
            await asyncio.sleep(0.25)
            writers = [candidate for candidate in crowd if candidate.election.may_write()]
            assert len(writers) <= 1
            led |= {id(writer) for writer in writers}
            for wire in wires:
                wire.disturb()
        assert len(led) > 1

    run(main())
