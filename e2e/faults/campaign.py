"""Many runs at once while operators are killed at random: no task may run twice, and nothing may be lost.

Three witnesses are compared for each run: what its tasks told the collector, what the recorder saw being created,
and what the run's status says.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from .collector import Collector, Told
from .lab import RUN_SECONDS, Lab, until
from .operators import Supervised, environment
from .recorder import Record
from .samples import Sample, problems

_SCRIPT = 'wget -q -O - "$COLLECTOR?run=$TIDEGATE_RUN&task=$TIDEGATE_TASK&attempt=$TIDEGATE_ATTEMPT&pod=$HOSTNAME"'
_TASKS = ("first", "second", "third")


@dataclass(slots=True)
class Tally:
    """What came of a campaign."""

    asked: int
    seconds: float = 0.0
    runs: int = 0
    tasks: int = 0
    kills: int = 0
    failures: list[str] = field(default_factory=list)

    def take(self, run: str, problems: list[str], told: list[Told]) -> None:
        """Count a run."""
        self.runs += not problems
        self.tasks += len(told)
        self.failures += [f"{run}: {problem}" for problem in problems]

    def __str__(self) -> str:
        """Give a table."""
        rows = [
            ("runs that were asked for", self.asked),
            ("runs that ended as they should", self.runs),
            ("tasks that told of themselves", self.tasks),
            ("operators killed", self.kills),
            ("seconds", round(self.seconds)),
            ("tasks run twice, lost, or told otherwise by status", len(self.failures)),
        ]
        return "\n".join(f"{name:52} {value:6}" for name, value in rows)


def chain(collector: str) -> Sample:
    """Give the Flow: three tasks in a row that do nothing but tell."""
    env = [{"name": "COLLECTOR", "value": collector}]
    tasks = [
        {"name": name, "needs": list(_TASKS[max(0, i - 1) : i]), "image": "busybox:1.36", "script": _SCRIPT, "env": env}
        for i, name in enumerate(_TASKS)
    ]
    flow = {"apiVersion": "tidegate.dev/v1alpha1", "kind": "Flow", "metadata": {"name": "chain"}}
    return Sample("chain", ({**flow, "spec": {"tasks": tasks}},), ends="Succeeded", reason="Completed")


@dataclass(frozen=True, slots=True)
class Terms:
    """How hard it is made: runs in all and at the same time, operators side by side, seconds that each lives.

    A run that has ended is watched for what comes late for `kept` seconds, then deleted, that the node may forget it.
    """

    runs: int
    width: int = 8
    operators: int = 2
    lives: tuple[float, float] = (1.0, 6.0)
    kept: float = 15.0
    seed: int = 1


async def campaign(lab: Lab, host: str, terms: Terms, progress: Callable[[Tally], None] = lambda _: None) -> Tally:
    """Run it; `host` is an address of this machine that pods can reach."""
    tally, began = Tally(terms.runs), asyncio.get_running_loop().time()
    rng = random.Random(terms.seed)  # noqa: S311  when somebody dies need not be a secret
    async with lab.namespace() as namespace, Collector(host) as collector, asyncio.TaskGroup() as group:
        sample = chain(collector.url)
        await lab.api.create(sample.manifests[0], namespace)
        killers = [group.create_task(_kill_again(lab, namespace, terms, rng, tally)) for _ in range(terms.operators)]
        width = asyncio.Semaphore(terms.width)

        async def one(name: str) -> None:
            async with width:
                record = await _run(lab, namespace, name)
            await asyncio.sleep(terms.kept)
            tally.take(name, list(_disagreements(record, collector.told[name], sample)), collector.told[name])
            await lab.api.delete(f"{_path(namespace)}/{name}")
            tally.seconds = asyncio.get_running_loop().time() - began
            progress(tally)

        await asyncio.gather(*(one(f"run-{number}") for number in range(terms.runs)))
        for killer in killers:
            killer.cancel()
    return tally


def _path(namespace: str) -> str:
    return f"/apis/tidegate.dev/v1alpha1/namespaces/{namespace}/flowruns"


async def _run(lab: Lab, namespace: str, name: str) -> Record:
    run = {"apiVersion": "tidegate.dev/v1alpha1", "kind": "FlowRun", "metadata": {"name": name}}
    made = await lab.api.post(_path(namespace), {**run, "spec": {"flowRef": {"name": "chain"}}})
    record = lab.recorder.of(made["metadata"]["uid"])
    await until(record, lambda: "completionTime" in record.status, RUN_SECONDS)
    return record


async def _kill_again(lab: Lab, namespace: str, terms: Terms, rng: random.Random, tally: Tally) -> None:
    """Keep an operator alive, for a few seconds at a time."""
    kubeconfig = lab.kubeconfig
    operator = Supervised(lab.home, environment(kubeconfig, namespace), Path(lab.folder, f"{namespace}.log"))
    working = asyncio.create_task(operator.run())
    try:
        while True:
            await asyncio.sleep(rng.uniform(*terms.lives))
            operator.kill()
            tally.kills += 1
    finally:
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)


def _disagreements(record: Record, told: list[Told], sample: Sample) -> Iterator[str]:
    """Say where the witnesses do not agree."""
    yield from problems(record, sample)
    executions = Counter((said.task, said.attempt) for said in told)
    for (task, attempt), count in executions.items():
        if count > 1:
            pods = ", ".join(said.pod for said in told if (said.task, said.attempt) == (task, attempt))
            yield f"{task}, attempt {attempt} ran {count} times, in {pods}"
    named = {(task, n) for task, last in zip(_TASKS, _attempts(record), strict=False) for n in range(1, last + 1)}
    yield from (f"status names {task}, attempt {n}, which never told of itself" for task, n in named - set(executions))
    yield from (
        f"{task}, attempt {n} told of itself, and status does not name it" for task, n in set(executions) - named
    )
    if [said.task for said in told] != sorted((said.task for said in told), key=_TASKS.index):
        yield f"out of order: {[said.task for said in told]}"


def _attempts(record: Record) -> list[int]:
    return list((record.status.get("ledger") or {}).get("attempts") or ())
