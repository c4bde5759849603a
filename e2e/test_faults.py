"""Tidegate's operator behind a proxy on which everything goes wrong, on a real API server with real pods.

`make faults` and `make campaign` do the same for all samples and a thousand runs.
"""

import asyncio
import json
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
from e2e.faults.campaign import Terms, campaign
from e2e.faults.clusters import of_kubeconfig
from e2e.faults.crashes import survive
from e2e.faults.disturbance import disturb
from e2e.faults.lab import Lab, open_lab
from e2e.faults.operators import Nursery
from e2e.faults.samples import all_samples
from e2e.faults.scenarios import SCENARIOS, deaths
from e2e.operator_install import SYSTEM

Run = Callable[..., str]

pytestmark = [pytest.mark.timeout(300), pytest.mark.usefixtures("no_other_operator")]
WIDTH = 12


@pytest.fixture(scope="module")
def no_other_operator(kubectl: Run) -> Iterator[None]:
    """The CRDs, and no operator that would do the work of ours: one that is installed rests meanwhile."""
    kubectl("apply", "-k", "crds")
    kubectl("wait", "crd", "--all", "--for=condition=Established", "--timeout=30s")
    found = json.loads(kubectl("get", "deployments", "-A", "-o", "json"))["items"]
    replicas = [item["spec"]["replicas"] for item in found if item["metadata"]["namespace"] == SYSTEM]
    for _ in replicas:
        kubectl("-n", SYSTEM, "scale", "deployment/tidegate", "--replicas=0")
        kubectl("-n", SYSTEM, "wait", "pods", "--all", "--for=delete", "--timeout=60s")
    yield
    for number in replicas:
        kubectl("-n", SYSTEM, "scale", "deployment/tidegate", f"--replicas={number}")


@pytest.fixture
async def lab(kubeconfig: Path, tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Lab]:
    async with open_lab(kubeconfig, tmp_path, getattr(request, "param", ())) as lab:
        yield lab


async def test_a_run_survives_the_death_of_its_operator_at_every_write(lab: Lab):
    width = asyncio.Semaphore(WIDTH)
    samples = [sample for sample in all_samples() if sample.flow in ("hello", "cancel")]
    matrices = await asyncio.gather(*(survive(lab, sample, width) for sample in samples))
    print(*matrices, sep="\n")
    assert [failure for matrix in matrices for failure in matrix.failures] == []
    assert all(len(matrix.crashes) == 3 * len(matrix.writes) > 20 for matrix in matrices)


@pytest.mark.parametrize("lab", [["e2e.faults.plants.random_names"]], indirect=True)
async def test_an_operator_that_would_start_a_task_twice_is_found_out(lab: Lab):
    (hello,) = (sample for sample in all_samples() if sample.flow == "hello")
    matrix = await survive(lab, hello, asyncio.Semaphore(WIDTH), deaths=["late"])
    assert any("2 Jobs or child runs for 0 1 greet" in failure for failure in matrix.failures)


async def test_an_operator_that_nobody_waits_for_is_not_taken_for_the_next_one():
    line = "while read line; do sleep 60 & echo $!; done"
    home = await asyncio.create_subprocess_exec("sh", "-c", line, stdin=PIPE, stdout=PIPE)
    nursery = Nursery(home)
    unwanted = asyncio.create_task(nursery.start({}, Path("unwanted")))
    await asyncio.sleep(0)
    unwanted.cancel()
    with pytest.raises(asyncio.CancelledError):
        await unwanted
    wanted = await nursery.start({}, Path("wanted"))
    ps = await asyncio.create_subprocess_exec("ps", "-o", "pid=,stat=", "--ppid", str(home.pid), stdout=PIPE)
    shown, _ = await ps.communicate()
    alive = [int(pid) for pid, state in map(bytes.split, shown.splitlines()) if b"Z" not in state]
    wanted.close()
    home.kill()
    await home.communicate()
    assert alive == [wanted.pid]


async def test_a_run_ends_as_if_nothing_had_been(lab: Lab):
    found = await disturb(lab, SCENARIOS, asyncio.Semaphore(WIDTH))
    print(*found, sep="\n")
    assert [str(disturbed) for disturbed in found if disturbed.problems] == []


async def test_a_run_survives_the_death_of_the_api_server(lab: Lab, kubeconfig: Path):
    kill = of_kubeconfig(kubeconfig).kill
    if kill is None:
        pytest.skip("only the cluster without Docker lets us kill its daemons")
    found = await disturb(lab, deaths(kill), asyncio.Semaphore(1))
    print(*found, sep="\n")
    assert [str(disturbed) for disturbed in found if disturbed.problems] == []


async def test_no_task_runs_twice_while_operators_are_killed_at_random(lab: Lab, kubeconfig: Path):
    host = of_kubeconfig(kubeconfig).collector
    if host is None:
        pytest.skip("no address of this machine is known to be reachable from the pods of this cluster")
    tally = await campaign(lab, host, Terms(runs=20, width=10, kept=2.0))
    print(tally)
    assert tally.failures == []
    assert (tally.runs, tally.tasks) == (20, 60)
    assert tally.kills > 0
