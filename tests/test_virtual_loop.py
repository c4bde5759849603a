"""The loop with virtual time: jumps, order, deadlock."""

import asyncio
import time

import pytest

from virtual_loop import Deadlock, on_virtual_time, run


def test_hours_pass_at_once():
    began = time.monotonic()

    async def main():
        loop = asyncio.get_running_loop()
        start = loop.time()
        await asyncio.sleep(36_000)
        return loop.time() - start

    assert run(main()) == 36_000
    assert time.monotonic() - began < 5


def test_timers_fire_in_order_and_on_time():
    async def main():
        loop, order = asyncio.get_running_loop(), []
        start = loop.time()

        async def after(seconds):
            await asyncio.sleep(seconds)
            order.append((seconds, loop.time() - start))

        await asyncio.gather(after(3), after(0.1), after(2))
        return order

    assert run(main(), start=0.0) == [(0.1, 0.1), (2, 2), (3, 3)]


def test_time_outs_work():
    async def main():
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(5):
                await asyncio.get_running_loop().create_future()

    run(main())


def test_waiting_for_what_never_comes_is_an_error():
    async def main():
        await asyncio.Event().wait()

    with pytest.raises(Deadlock, match="these tasks wait"):
        run(main())


@on_virtual_time
async def test_background_tasks_are_cancelled_at_the_end():
    asyncio.create_task(asyncio.sleep(1e9))  # noqa: RUF006 - left behind on purpose
    await asyncio.sleep(1)
