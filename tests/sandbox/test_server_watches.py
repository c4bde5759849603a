"""Watches: what a client hears, from when on, and how a watch ends."""

import pytest

from sandbox.servers import CORE, TABLE, a_config_map, a_server
from tidegate.errors import Gone
from tidegate.sandbox.history import History
from tidegate.sandbox.kinds import CONFIGMAPS
from tidegate.sandbox.world import World


@pytest.fixture
async def server():
    async with a_server() as client:
        yield client


def heard(event) -> tuple[str, str]:
    return event[0], event[1]["metadata"]["name"]


async def test_a_watch_from_a_version_tells_what_came_after_it(server):
    version = (await server.post(f"{CORE}/configmaps", a_config_map("a"))).body["metadata"]["resourceVersion"]
    await server.post(f"{CORE}/configmaps", a_config_map("b"))
    async with server.watching(f"{CORE}/configmaps?watch=1&resourceVersion={version}") as lines:
        assert heard(await lines.next()) == ("ADDED", "b")
        await server.patch(f"{CORE}/configmaps/b", {"data": {"x": "1"}})
        await server.send("DELETE", f"{CORE}/configmaps/a")
        assert heard(await lines.next()) == ("MODIFIED", "b")
        assert heard(await lines.next()) == ("DELETED", "a")


@pytest.mark.parametrize("version", ["", "&resourceVersion=0"])
async def test_a_watch_from_nowhere_begins_with_all_that_is_there(server, version):
    await server.post(f"{CORE}/configmaps", a_config_map("a"))
    async with server.watching(f"{CORE}/configmaps?watch=true{version}") as lines:
        assert heard(await lines.next()) == ("ADDED", "a")


async def test_a_streamed_list_says_where_it_ends(server):
    await server.post(f"{CORE}/configmaps", a_config_map("a"))
    query = "watch=1&sendInitialEvents=true&allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan"
    async with server.watching(f"{CORE}/configmaps?{query}") as lines:
        assert heard(await lines.next()) == ("ADDED", "a")
        type_, bookmark = await lines.next()
        assert type_ == "BOOKMARK"
        assert bookmark["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}


async def test_an_object_that_begins_or_stops_to_match_comes_and_goes_for_a_selective_watch(server):
    version = server.world.resource_version
    path = f"{CORE}/configmaps?watch=1&labelSelector=team%3Dx&resourceVersion={version}"
    async with server.watching(path) as lines:
        await server.post(f"{CORE}/configmaps", a_config_map("a", {"team": "y"}))
        await server.patch(f"{CORE}/configmaps/a", {"metadata": {"labels": {"team": "x"}}})
        await server.patch(f"{CORE}/configmaps/a", {"metadata": {"labels": {"team": "y"}}})
        await server.send("DELETE", f"{CORE}/configmaps/a")
        await server.post(f"{CORE}/configmaps", a_config_map("b", {"team": "x"}))
        events = [heard(await lines.next()) for _ in range(3)]
        assert events == [("ADDED", "a"), ("DELETED", "a"), ("ADDED", "b")]


async def test_a_watch_of_one_name_or_namespace_hears_of_nothing_else(server):
    await server.post("/api/v1/namespaces", {"metadata": {"name": "other"}})
    version = server.world.resource_version
    by_name = f"{CORE}/configmaps?watch=1&fieldSelector=metadata.name%3Db&resourceVersion={version}"
    async with server.watching(by_name) as lines:
        await server.post(f"{CORE}/configmaps", a_config_map("a"))
        await server.post("/api/v1/namespaces/other/configmaps", a_config_map("b"))
        await server.post(f"{CORE}/configmaps", a_config_map("b"))
        type_, obj = await lines.next()
        assert (type_, obj["metadata"]["name"], obj["metadata"]["namespace"]) == ("ADDED", "b", "default")


async def test_a_watch_ends_in_time_with_a_bookmark_of_the_latest_version(server):
    async with server.watching(
        f"{CORE}/configmaps?watch=1&timeoutSeconds=0&allowWatchBookmarks=true&resourceVersion={server.world.resource_version}"
    ) as lines:
        ((type_, obj),) = await lines.rest()
    assert (type_, obj["metadata"]["resourceVersion"]) == ("BOOKMARK", str(server.world.resource_version))


@pytest.mark.parametrize("version", ["1", "1000000"])
async def test_a_version_that_is_not_of_this_history_is_gone(server, version):
    async with server.watching(f"{CORE}/configmaps?watch=1&resourceVersion={version}") as lines:
        ((type_, status),) = await lines.rest()
    assert (type_, status["code"], status["reason"]) == ("ERROR", 410, "Expired")


async def test_a_table_can_be_watched(server):
    version = server.world.resource_version
    async with server.watching(f"{CORE}/configmaps?watch=1&resourceVersion={version}", Accept=TABLE) as lines:
        await server.post(f"{CORE}/configmaps", a_config_map("a", x="1"))
        _, table = await lines.next()
    assert table["kind"] == "Table"
    assert table["rows"][0]["cells"] == ["a", 1, "0s"]


async def test_watches_end_when_the_server_stops(server):
    path = f"{CORE}/configmaps?watch=1&resourceVersion={server.world.resource_version}"
    async with server.watching(path) as lines:
        await server.server.stop()
        assert await lines.rest() == []


def a_busy_world(count: int, keep: int) -> tuple[World, History, list[int]]:
    world = World(now=0, new_uid=iter(f"u{number}" for number in range(100)).__next__)
    history = History(world, keep=keep)
    stored = [world.create(CONFIGMAPS, {"metadata": {"name": f"c{i}"}}, namespace="default") for i in range(count)]
    return world, history, [int(obj["metadata"]["resourceVersion"]) for obj in stored]


def test_history_keeps_at_least_what_it_promises_and_is_honest_about_the_rest():
    _, history, versions = a_busy_world(20, keep=5)
    with pytest.raises(Gone):
        history.since(CONFIGMAPS, versions[0])
    kept = [change.version for change in history.since(CONFIGMAPS, versions[-6])]
    assert kept == versions[-5:]


def test_history_begins_where_the_world_was_found():
    world, _, versions = a_busy_world(3, keep=5)
    late = History(world)
    assert late.since(CONFIGMAPS, versions[-1]) == []
    with pytest.raises(Gone):
        late.since(CONFIGMAPS, versions[-2])
