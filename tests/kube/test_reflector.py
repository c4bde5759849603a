"""The reflector: everything that happened is handed out once, whatever becomes of the watch."""

import asyncio
import contextlib
import logging
import random

import pytest

from kube.fake_api import FakeApi
from tidegate.errors import Forbidden, Unavailable
from tidegate.kube.reflector import Reflector
from tidegate.kube.resources import JOBS, PODS
from virtual_loop import on_virtual_time

NAMESPACE = "team-a"


class Mirror:
    """What somebody who only listens to the reflector believes to exist; refuses changes that make no sense."""

    def __init__(self, api, *, extract=None, **options):
        self.api, self.objects, self.changes, self.restarts = api, {}, [], []
        self.reflector = Reflector(
            api,
            options.pop("resource", JOBS),
            extract=extract or slim,
            on_change=self.take,
            rng=random.Random(3),
            on_restart=self.restarts.append,
            **options,
        )

    def take(self, type_, record):
        uid, name, _ = record
        assert (uid in self.objects) == (type_ != "ADDED")
        self.changes.append((type_, name))
        if type_ == "DELETED":
            del self.objects[uid]
        else:
            self.objects[uid] = record

    @property
    def names(self):
        return sorted(name for _, name, _ in self.objects.values())

    @contextlib.asynccontextmanager
    async def running(self):
        task = asyncio.create_task(self.reflector.run())
        try:
            await self.reflector.wait_synced()
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


def slim(item):
    return (item["metadata"]["uid"], item["metadata"]["name"], item.get("value"))


def now():
    return asyncio.get_running_loop().time()


@on_virtual_time
async def test_what_exists_is_handed_out_before_it_is_synced():
    api = FakeApi()
    for index in range(3):
        api.put(JOBS, NAMESPACE, f"job-{index}")
    mirror = Mirror(api)
    assert not mirror.reflector.is_synced
    async with mirror.running():
        assert mirror.names == ["job-0", "job-1", "job-2"]
        assert mirror.reflector.is_synced


@on_virtual_time
async def test_changes_are_followed_and_only_of_its_kind():
    api = FakeApi()
    mirror = Mirror(api)
    async with mirror.running():
        api.put(JOBS, NAMESPACE, "a")
        api.put(PODS, NAMESPACE, "pod")
        api.put(JOBS, NAMESPACE, "a", {"value": 2})
        api.put(JOBS, NAMESPACE, "b")
        api.remove(JOBS, NAMESPACE, "a")
        await asyncio.sleep(1)
    assert mirror.changes == [("ADDED", "a"), ("MODIFIED", "a"), ("ADDED", "b"), ("DELETED", "a")]


@on_virtual_time
async def test_a_watch_that_ends_goes_on_where_it_was_without_another_list():
    api = FakeApi()
    mirror = Mirror(api)
    async with mirror.running():
        await asyncio.sleep(5)
        api.end_watches()
        api.put(JOBS, NAMESPACE, "in-between")
        await asyncio.sleep(1)
        assert mirror.names == ["in-between"]
    assert api.calls.count("list jobs") == 1
    assert mirror.restarts == ["jobs"]


@on_virtual_time
async def test_after_410_deletions_and_changes_of_the_gap_are_seen_once():
    api = FakeApi()
    for name in ("kept", "changed", "deleted", "reborn"):
        api.put(JOBS, NAMESPACE, name, {"value": 1})
    mirror = Mirror(api)
    async with mirror.running():
        await asyncio.sleep(5)
        mirror.changes.clear()
        api.end_watches()
        api.put(JOBS, NAMESPACE, "changed", {"value": 2})
        api.remove(JOBS, NAMESPACE, "deleted")
        api.remove(JOBS, NAMESPACE, "reborn")
        api.put(JOBS, NAMESPACE, "reborn")
        api.put(JOBS, NAMESPACE, "new")
        api.forget_history()
        await asyncio.sleep(10)
    assert sorted(mirror.changes) == [
        ("ADDED", "new"),
        ("ADDED", "reborn"),
        ("DELETED", "deleted"),
        ("DELETED", "reborn"),
        ("MODIFIED", "changed"),
    ]
    assert api.calls.count("list jobs") == 2


@on_virtual_time
async def test_it_outlives_an_outage_of_any_length_without_hammering():
    api = FakeApi()
    mirror = Mirror(api)
    async with mirror.running():
        await asyncio.sleep(5)
        before = len(api.calls)
        api.outage = Unavailable(0, "NoAnswer", "connection refused")
        api.end_watches()
        await asyncio.sleep(7200)
        during = len(api.calls) - before
        api.outage = None
        api.put(JOBS, NAMESPACE, "after")
        await asyncio.sleep(40)
        assert mirror.names == ["after"]
    assert 7200 / 9 <= during <= 7200 / 3.5


@on_virtual_time
async def test_a_server_that_closes_every_watch_at_once_is_not_hammered():
    class Slammer(FakeApi):
        async def watch(self, *args, **options):
            self.calls.append("watch jobs")
            for change in ():
                yield change

    api = Slammer()
    mirror = Mirror(api)
    async with mirror.running():
        await asyncio.sleep(600)
    assert api.calls.count("watch jobs") < 600 / 3.5


@on_virtual_time
async def test_missing_rights_are_waited_for():
    api = FakeApi()
    api.put(JOBS, NAMESPACE, "a")
    api.outage = Forbidden(403, "Forbidden", "jobs is forbidden")
    mirror = Mirror(api)
    task = asyncio.create_task(mirror.reflector.run())
    await asyncio.sleep(100)
    assert not mirror.reflector.is_synced
    api.outage = None
    await asyncio.sleep(31)
    assert mirror.names == ["a"]
    task.cancel()


@on_virtual_time
async def test_several_namespaces_are_watched_and_others_are_not():
    api = FakeApi()
    mirror = Mirror(api, namespaces=["team-a", "team-b", "team-a"])
    async with mirror.running():
        for place in ("team-a", "team-b", "team-c"):
            api.put(JOBS, place, f"job-of-{place}")
        await asyncio.sleep(1)
    assert mirror.names == ["job-of-team-a", "job-of-team-b"]
    assert api.calls.count("list jobs") == 2


@on_virtual_time
async def test_labels_select():
    api = FakeApi()
    mirror = Mirror(api, labels="app=tidegate")
    async with mirror.running():
        api.put(JOBS, NAMESPACE, "ours", {"metadata": {"labels": {"app": "tidegate"}}})
        api.put(JOBS, NAMESPACE, "theirs")
        await asyncio.sleep(1)
    assert mirror.names == ["ours"]


@on_virtual_time
async def test_objects_of_no_interest_are_left_out_and_leave_when_interest_ends():
    api = FakeApi()
    api.put(JOBS, NAMESPACE, "boring", {"value": None})
    api.put(JOBS, NAMESPACE, "a", {"value": 1})
    mirror = Mirror(api, extract=lambda item: slim(item) if item.get("value") else None)
    async with mirror.running():
        api.put(JOBS, NAMESPACE, "a", {"value": None})
        api.put(JOBS, NAMESPACE, "boring", {"value": 3})
        await asyncio.sleep(1)
    assert mirror.changes == [("ADDED", "a"), ("DELETED", "a"), ("ADDED", "boring")]


@pytest.mark.parametrize("hostile", [{"value": "boom"}, {"metadata": {"labels": "not a mapping"}, "value": "boom"}])
def test_an_object_that_cannot_be_read_disturbs_no_other(hostile, caplog):
    def extract(item):
        if item.get("value") == "boom":
            raise TypeError("unreadable")
        return slim(item)

    @on_virtual_time
    async def check():
        api = FakeApi()
        api.put(JOBS, NAMESPACE, "a", {"value": 1})
        api.put(JOBS, NAMESPACE, "bad", hostile)
        mirror = Mirror(api, extract=extract)
        async with mirror.running():
            api.put(JOBS, NAMESPACE, "a", hostile)
            api.put(JOBS, NAMESPACE, "b")
            await asyncio.sleep(1)
            assert mirror.names == ["a", "b"]
            api.remove(JOBS, NAMESPACE, "a")
            api.remove(JOBS, NAMESPACE, "bad")
            await asyncio.sleep(1)
            assert mirror.names == ["b"]

    with caplog.at_level(logging.ERROR):
        check()
    assert f"{NAMESPACE}/bad" in caplog.text


@on_virtual_time
async def test_a_listener_that_raises_is_told_the_rest(caplog):
    api, heard = FakeApi(), []

    def listen(_type, record):
        heard.append(record[1])
        raise RuntimeError("listener is broken")

    reflector = Reflector(api, JOBS, extract=slim, on_change=listen, rng=random.Random(1))
    task = asyncio.create_task(reflector.run())
    with caplog.at_level(logging.CRITICAL):
        await reflector.wait_synced()
        api.put(JOBS, NAMESPACE, "a")
        api.put(JOBS, NAMESPACE, "b")
        await asyncio.sleep(1)
    assert heard == ["a", "b"]
    task.cancel()


@on_virtual_time
async def test_silence_is_visible_and_ends_with_any_sign_of_life():
    api = FakeApi()
    mirror = Mirror(api)
    assert mirror.reflector.last_heard is None
    async with mirror.running():
        await asyncio.sleep(500)
        assert now() - mirror.reflector.last_heard >= 500
        api.put(JOBS, NAMESPACE, "a")
        await asyncio.sleep(1)
        assert now() - mirror.reflector.last_heard <= 1
        await asyncio.sleep(300)
        api.end_watches()
        await asyncio.sleep(1)
        assert now() - mirror.reflector.last_heard <= 1


@on_virtual_time
async def test_a_quiet_watch_that_ends_as_agreed_was_alive_and_is_no_failure():
    class Quiet(FakeApi):
        async def watch(self, *args, **options):
            self.calls.append("watch jobs")
            await asyncio.sleep(200)
            for change in ():
                yield change

    api = Quiet()
    mirror = Mirror(api)
    async with mirror.running():
        for _ in range(100):
            await asyncio.sleep(20)
            assert now() - mirror.reflector.last_heard <= 201
    assert api.calls.count("watch jobs") == 10


@on_virtual_time
async def test_silence_counts_from_the_start_when_the_server_never_answers():
    api = FakeApi()
    api.stalls = True
    mirror = Mirror(api)
    task = asyncio.create_task(mirror.reflector.run())
    await asyncio.sleep(400)
    assert now() - mirror.reflector.last_heard == 400
    task.cancel()


@on_virtual_time
async def test_a_restored_store_is_noticed():
    api = FakeApi()
    api.put(JOBS, NAMESPACE, "a")
    mirror = Mirror(api)
    async with mirror.running():
        for value in range(10):
            api.put(JOBS, NAMESPACE, "a", {"value": value})
        await asyncio.sleep(5)
        assert not mirror.reflector.has_regressed
        api.restore(103)
        api.end_watches()
        api.outage = Unavailable(504, "Timeout", "Too large resource version: 111, current: 103")
        await asyncio.sleep(60)
        api.outage = None
        await asyncio.sleep(60)
        assert mirror.reflector.has_regressed
