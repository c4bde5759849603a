"""Trying planted bugs: each in a copy of the tree, against a few scenarios, the tests closest to it, more of both.

Nothing is learned from a tree that breaks rules by itself, so it is tried first without any of them. What goes on for
ever counts as caught: processor time tells, which does not depend on what else the machine does.
"""

import math
import multiprocessing
import multiprocessing.pool
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simulation.mutants.mutant import ROOT, Mutant

FEW, SEEDS = 30, range(120)
"""Scenarios before the closest tests are asked, and before all are; most of what is found is found in the first few."""

EVERYTHING = ("tests/engine", "tests/kube", "tests/resources", "tests/simulation")
"""The tests that are asked when those closest to a bug know nothing."""

_SIMULATION = ("tests/simulation/test_simulation.py", "tests/simulation/test_mutants.py")
"""Tests that do once more what was done before them."""

_PYTEST = ("-m", "pytest", "-x", "-q", "--no-header", "--tb=no", "-p", "no:cacheprovider", "-o", "timeout=600")
_PATIENCE = 5
"""What takes so many times the processor time that it takes without a bug will never end."""
_WALL_SECONDS = 3600.0

Limits = tuple[int, int]
"""Seconds of processor time of a simulation and of tests, after which they never end."""

_copy: Path = Path()


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a planted bug: `caught` says by what, and is empty when it survived; `seeds` were simulated."""

    name: str
    caught: str
    seconds: float
    seeds: int

    @property
    def by(self) -> str:
        """What caught it, in a word."""
        return self.caught.partition(" ")[0].rstrip(",") or "nothing"


class Unclean(Exception):
    """The tree breaks rules, or fails tests, although nothing is planted in it."""


def try_all(
    mutants: Sequence[Mutant], *, processes: int, seeds: range, told: Callable[[str], None]
) -> Iterator[Verdict]:
    """Try planted bugs side by side; tells each verdict as it comes, and gives it.

    Raises:
        ValueError: one cannot be planted.
        Unclean: nothing is learned from this tree.
    """
    for mutant in mutants:
        mutant.check()
    width = max((len(mutant.name) for mutant in mutants), default=0)
    fork = multiprocessing.get_context("fork")
    with (
        tempfile.TemporaryDirectory(prefix="tidegate-mutants-") as folder,
        fork.Pool(processes, _take_copy, (folder,)) as pool,
    ):
        limits = _without_any(pool, mutants, seeds)
        told(f"without a bug seeds {seeds[0]}-{seeds[-1]} and the tests have nothing to say")
        for verdict in pool.imap(_try, [(mutant, seeds, limits) for mutant in mutants]):
            told(f"{verdict.name:{width}}  {verdict.caught or 'SURVIVED'}  ({verdict.seconds:.0f} s)")
            yield verdict


def _without_any(pool: multiprocessing.pool.Pool, mutants: Sequence[Mutant], seeds: range) -> Limits:
    """See that the tree is well as it is; give the seconds after which a trial will never end."""
    own = {mutant.tests for mutant in mutants if mutant.tests and not mutant.tests.startswith(EVERYTHING)}
    trials = (
        pool.apply_async(_measured, (_by_simulation, seeds)),
        pool.apply_async(_measured, (_by_tests, (*EVERYTHING, *own))),
    )
    limits = []
    for caught, spent in [trial.get() for trial in trials]:
        if caught:
            raise Unclean(f"nothing is planted, and still: {caught}; mend that first, or choose other --seeds")
        limits.append(math.ceil(spent * _PATIENCE))
    return limits[0], limits[1]


def _measured(trial: Callable[..., str], *arguments: Any) -> tuple[str, float]:
    """Give what a trial says, and the processor time that it took."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    caught = trial(*arguments)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return caught, after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def _take_copy(folder: str) -> None:
    """Give this process a copy of the tree of its own."""
    global _copy  # noqa: PLW0603 - one for each process of the pool, which knows nothing else of itself
    _copy = Path(folder, str(os.getpid()))
    shutil.copytree(ROOT, _copy, ignore=shutil.ignore_patterns("__pycache__", ".*"))


def _try(job: tuple[Mutant, range, Limits]) -> Verdict:
    mutant, seeds, limits = job
    before, began = mutant.plant(_copy), time.perf_counter()
    try:
        stages = _stages(mutant, seeds, *limits)
        simulated, caught = next((stage for stage in stages if stage[1]), (len(seeds), ""))
    finally:
        mutant.undo(_copy, before)
    found = re.match(r"simulation, seed (\d+)", caught)
    return Verdict(
        mutant.name, caught, time.perf_counter() - began, seeds.index(int(found[1])) + 1 if found else simulated
    )


def _stages(mutant: Mutant, seeds: range, limit: int, tests_limit: int) -> Iterator[tuple[int, str]]:
    """Ask more and more; give how many seeds were simulated so far, and what was caught."""
    few, rest = seeds[:FEW], seeds[FEW:]
    yield len(few), _by_simulation(few, limit)
    yield len(few), _by_closest(mutant, tests_limit)
    yield len(seeds), _by_simulation(rest, limit)
    yield len(seeds), _by_tests(sorted(EVERYTHING, key=lambda path: path != mutant.folder), tests_limit)


def _by_closest(mutant: Mutant, limit: int) -> str:
    return _by_tests((mutant.closest,), limit) if (_copy / mutant.closest).exists() else ""


def _by_simulation(seeds: range, limit: int = resource.RLIM_INFINITY) -> str:
    code, told = _run(limit, "-m", "simulation", "hunt", f"{seeds[0]}-{seeds[-1]}") if seeds else (0, "")
    return f"simulation, {told}" if code else ""


def _by_tests(paths: Sequence[str], limit: int = resource.RLIM_INFINITY) -> str:
    ignored = [f"--ignore={path}" for path in _SIMULATION]
    code, told = _run(limit, *_PYTEST, *paths, *ignored)
    failed = [
        line.partition(" ")[2].partition(" - ")[0] for line in told.splitlines() if line.startswith(("FAILED", "ERROR"))
    ]
    return f"test {failed[0].removeprefix('tests/')}" if failed else (f"tests, {told}" if code else "")


def _run(limit: int, *arguments: str) -> tuple[int, str]:
    """Run python on the copy, for so many seconds of processor time; gives its exit code and what it said last."""
    path = os.pathsep.join((str(_copy / "operator"), str(_copy / "tests")))
    env = {**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}
    resource.setrlimit(resource.RLIMIT_CPU, (limit, resource.RLIM_INFINITY))  # inherited; this process needs little
    command = [sys.executable, *arguments]
    try:
        done = subprocess.run(
            command, cwd=_copy, env=env, capture_output=True, text=True, timeout=_WALL_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return 1, "it hangs"
    if done.returncode == -signal.SIGXCPU:
        return 1, "without end"
    return done.returncode, done.stdout.strip() or done.stderr.strip()[-200:]
