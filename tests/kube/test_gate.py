"""The gate: order, bounds, what a 429 does."""

import asyncio

import pytest

from tidegate.kube.gate import Gate
from virtual_loop import on_virtual_time


async def pass_through(gate, order, name, seconds=1.0):
    async with gate:
        order.append(name)
        await asyncio.sleep(seconds)


@on_virtual_time
async def test_waiters_go_through_in_order_and_never_too_many():
    gate, order = Gate(2), []
    tasks = [asyncio.create_task(pass_through(gate, order, index)) for index in range(7)]
    while not all(task.done() for task in tasks):
        assert gate.in_flight <= 2
        await asyncio.sleep(0.25)
    assert order == list(range(7))
    assert gate.in_flight == 0


@on_virtual_time
async def test_a_waiter_that_is_cancelled_loses_nobodys_place():
    gate, order = Gate(1), []
    tasks = [asyncio.create_task(pass_through(gate, order, index)) for index in range(4)]
    await asyncio.sleep(0.5)
    tasks[1].cancel()
    await asyncio.sleep(0.5)  # the place falls free now
    tasks[2].cancel()
    await asyncio.sleep(5)
    assert tasks[3].done()
    assert gate.in_flight == 0


@on_virtual_time
async def test_a_waiter_cancelled_in_the_moment_of_its_turn_gives_the_place_on():
    gate, order = Gate(1), []
    await gate.__aenter__()
    second = asyncio.create_task(pass_through(gate, order, "second"))
    third = asyncio.create_task(pass_through(gate, order, "third"))
    await asyncio.sleep(0)
    await gate.__aexit__()
    second.cancel()
    await asyncio.sleep(5)
    assert order == ["third"]
    assert third.done()
    assert gate.in_flight == 0


@on_virtual_time
async def test_one_burst_of_429_halves_once():
    gate, loop = Gate(64), asyncio.get_running_loop()
    sent = loop.time()
    await asyncio.sleep(0.1)
    for _ in range(8):
        gate.throttled(sent, None)
    assert gate.limit == 4
    gate.throttled(loop.time(), None)
    assert gate.limit == 2


@on_virtual_time
async def test_it_never_closes_for_good_and_never_exceeds_its_bound():
    gate, loop = Gate(10), asyncio.get_running_loop()
    for _ in range(50):
        await asyncio.sleep(1)
        gate.throttled(loop.time(), None)
    assert gate.limit == 1
    for _ in range(500):
        gate.succeeded()
    assert gate.limit == 10


@on_virtual_time
async def test_retry_after_closes_it_for_so_long():
    gate, loop = Gate(8), asyncio.get_running_loop()
    start = loop.time()
    gate.throttled(start, 5.0)
    async with gate:
        assert loop.time() - start == pytest.approx(5.0)
