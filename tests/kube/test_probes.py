"""What the kubelet and Prometheus are answered."""

import aiohttp
import pytest
from prometheus_client import CollectorRegistry

from tidegate.kube.probes import Probes
from tidegate.metrics import Metrics


@pytest.fixture
async def served():
    ailments, obstacles, registry = [], [], CollectorRegistry()
    Metrics(registry).watch_restarted("jobs")
    probes = Probes(registry, ailments=lambda: ailments, obstacles=lambda: obstacles, host="127.0.0.1", port=0)
    port = await probes.start()
    async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session:
        yield session, ailments, obstacles
    await probes.stop()


async def ask(session, path):
    async with session.get(path) as response:
        return response.status, await response.text()


@pytest.mark.parametrize("path", ["/healthz", "/livez", "/readyz"])
async def test_all_is_well(served, path):
    assert await ask(served[0], path) == (200, "ok\n")


async def test_an_obstacle_makes_it_unready_but_not_ill(served):
    session, _, obstacles = served
    obstacles.append("the first list of jobs is not complete")
    assert await ask(session, "/readyz") == (503, "the first list of jobs is not complete\n")
    assert (await ask(session, "/healthz"))[0] == 200


async def test_an_ailment_fails_both(served):
    session, ailments, _ = served
    ailments.append("deaf")
    for path in ("/healthz", "/livez", "/readyz"):
        assert await ask(session, path) == (503, "deaf\n")


async def test_metrics_are_shown_in_prometheus_own_format(served):
    async with served[0].get("/metrics") as response:
        assert response.headers["Content-Type"].startswith("text/plain; version=")
        assert 'tidegate_watch_restarts_total{resource="jobs"} 1.0' in await response.text()


async def test_other_paths_do_not_exist(served):
    assert (await ask(served[0], "/"))[0] == 404
