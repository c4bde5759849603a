"""The work queue on a loop with virtual time."""

import asyncio
import contextlib
import itertools
import logging
import random

from tidegate.errors import Unavailable
from tidegate.kube.queue import Priority, WorkQueue
from virtual_loop import on_virtual_time


def now():
    return asyncio.get_running_loop().time()


def a_queue(**hooks):
    return WorkQueue(rng=random.Random(7), base=1.0, cap=60.0, **hooks)


@contextlib.asynccontextmanager
async def running(queue, handler, workers=4):
    task = asyncio.create_task(queue.run(handler, workers))
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


@on_virtual_time
async def test_many_events_for_a_busy_key_become_one_more_look():
    looks = []

    async def handle(key):
        looks.append(key)
        await asyncio.sleep(1)

    queue = a_queue()
    async with running(queue, handle):
        queue.add("run")
        await asyncio.sleep(0.5)
        for _ in range(100):
            queue.add("run")
        await asyncio.sleep(10)
    assert looks == ["run", "run"]


@on_virtual_time
async def test_a_key_has_one_worker_while_others_go_on():
    active, most = [], []

    async def handle(key):
        assert key not in active
        active.append(key)
        most.append(len(active))
        await asyncio.sleep(1)
        active.remove(key)

    queue = a_queue()
    async with running(queue, handle, workers=3):
        for _ in range(3):
            for key in "abcdef":
                queue.add(key)
            await asyncio.sleep(0.3)
        await asyncio.sleep(20)
    assert max(most) == 3
    assert queue.depth == 0


@on_virtual_time
async def test_better_priorities_are_served_first_when_workers_are_scarce():
    order = []

    async def handle(key):
        order.append(key)

    queue = a_queue()
    queue.add("resync", Priority.RESYNC)
    queue.add("new")
    queue.add("completion", Priority.COMPLETION)
    async with running(queue, handle, workers=1):
        await asyncio.sleep(1)
    assert order == ["completion", "new", "resync"]


@on_virtual_time
async def test_delayed_keys_run_at_their_instant_and_the_earliest_wins():
    seen, start = [], now()

    async def handle(key):
        seen.append((key, now() - start))

    queue = a_queue()
    async with running(queue, handle):
        queue.add_at("a", start + 3600)
        queue.add_after("a", 86400)
        queue.add_after("b", 60)
        await asyncio.sleep(200_000)
    assert seen == [("b", 60), ("a", 3600)]


@on_virtual_time
async def test_a_failing_key_backs_off_exponentially_and_others_are_not_disturbed(caplog):
    attempts, others, start = [], [], now()

    async def handle(key):
        if key == "good":
            others.append(now())
            return
        attempts.append(now() - start)
        raise ValueError("poisoned")

    errors = []
    queue = a_queue(on_error=lambda key, error: errors.append((key, str(error))))
    with caplog.at_level(logging.ERROR):
        async with running(queue, handle):
            queue.add("bad")
            for _ in range(300):
                queue.add("good")
                await asyncio.sleep(1)
    gaps = [later - earlier for earlier, later in itertools.pairwise(attempts)]
    for count, gap in enumerate(gaps):
        assert min(60, 2**count) / 2 <= gap <= min(60, 2**count)
    assert len(others) == 300
    assert set(errors) == {("bad", "poisoned")}
    assert "poisoned" in caplog.text


@on_virtual_time
async def test_success_starts_the_backoff_anew():
    fails = [True, True, True, False, True]

    async def handle(_key):
        if fails and fails.pop(0):
            raise Unavailable(503, "Unavailable", "later")

    queue = a_queue()
    async with running(queue, handle):
        queue.add("a")
        await asyncio.sleep(30)
        assert queue.failures("a") == 0
        queue.add("a")
        await asyncio.sleep(0)
        await asyncio.sleep(0.1)
        assert queue.failures("a") == 1


@on_virtual_time
async def test_a_handler_that_asks_for_a_retry_itself_keeps_its_count():
    times, start = [], now()

    async def handle(key):
        times.append(now() - start)
        if len(times) < 4:
            queue.retry(key)

    queue = a_queue()
    async with running(queue, handle):
        queue.add("a")
        await asyncio.sleep(60)
    assert len(times) == 4
    assert times[3] - times[2] >= 2.0
    assert queue.failures("a") == 0


@on_virtual_time
async def test_retry_after_of_the_server_is_respected():
    times, start = [], now()

    async def handle(_key):
        times.append(now() - start)
        if len(times) == 1:
            raise Unavailable(429, "TooManyRequests", "slow down", retry_after=17.0)

    queue = a_queue()
    async with running(queue, handle):
        queue.add("a")
        await asyncio.sleep(60)
    assert times == [0.0, 17.0]


@on_virtual_time
async def test_nothing_a_handler_raises_stops_the_queue(caplog):
    class Panic(BaseException):
        """As a native library may raise it."""

    raised = [Panic("native"), asyncio.CancelledError(), MemoryError(), RecursionError()]
    done = []

    async def handle(key):
        if raised:
            raise raised.pop(0)
        done.append(key)

    queue = a_queue()
    with caplog.at_level(logging.CRITICAL):
        async with running(queue, handle):
            for key in "abcd":
                queue.add(key)
            await asyncio.sleep(100)
    assert sorted(done) == ["a", "b", "c", "d"]


@on_virtual_time
async def test_cancelling_the_queue_cancels_its_handlers_and_keeps_what_waits():
    ended = []

    async def handle(key):
        try:
            await asyncio.sleep(1000)
        finally:
            ended.append(key)

    queue = a_queue()
    async with running(queue, handle, workers=1):
        queue.add("a")
        queue.add("b")
        await asyncio.sleep(1)
    assert ended == ["a"]
    assert queue.depth == 1


@on_virtual_time
async def test_ages_count_only_while_somebody_runs_the_queue():
    async def handle(_key):
        await asyncio.sleep(50)

    queue = a_queue()
    queue.add("a")
    queue.add("b")
    await asyncio.sleep(1000)
    assert queue.oldest_age == 0.0
    async with running(queue, handle, workers=1):
        await asyncio.sleep(30)
        assert queue.oldest_age == 30.0
        assert queue.longest_work == 30.0


@on_virtual_time
async def test_hooks_see_each_add_and_each_wait():
    adds, waits = [], []

    async def handle(_key):
        await asyncio.sleep(2)

    queue = a_queue(on_add=lambda: adds.append(1), on_take=waits.append)
    async with running(queue, handle, workers=1):
        queue.add("a")
        queue.add("a")
        queue.add("b")
        await asyncio.sleep(10)
    assert len(adds) == 2
    assert waits == [0.0, 2.0]


@on_virtual_time
async def test_a_dropped_key_comes_no_more():
    looks = []

    async def handle(key):
        looks.append(key)

    queue = a_queue()
    async with running(queue, handle):
        queue.add_after("gone", 10)
        queue.drop("gone")
        await asyncio.sleep(100)
    assert looks == []


@on_virtual_time
async def test_a_due_key_does_not_keep_the_loop_busy_while_all_workers_work():
    queue = WorkQueue(rng=random.Random(1))
    looks = 0
    release = asyncio.Event()

    async def handler(_key):
        await release.wait()

    wait = queue._wait_for_change

    async def counted(**options):
        nonlocal looks
        looks += 1
        await wait(**options)

    queue._wait_for_change = counted
    queue.add("busy")
    queue.add_after("later", 1.0)
    work = asyncio.create_task(queue.run(handler, 1))
    await asyncio.sleep(5.0)
    assert looks <= 3
    release.set()
    await asyncio.sleep(1.0)
    work.cancel()
