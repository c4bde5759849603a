"""Trying planted bugs: each in a copy of the tree, against the simulation first and then against the tests.

Nothing is learned from a tree that breaks rules by itself, so it is tried first without any of them.
"""

import multiprocessing
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from simulation.mutants.mutant import ROOT, Mutant

SEEDS = 120
"""Scenarios before the tests are asked: most of what is found is found in the first few."""

COPIED = ("operator", "tests", "manifests", "charts", "crds", "docs")
EVERYTHING = ("tests/engine", "tests/kube", "tests/resources", "tests/simulation")
"""The tests that are asked when those closest to a bug know nothing."""

_SIMULATION = ("tests/simulation/test_simulation.py", "tests/simulation/test_mutants.py")
"""Tests that do once more what was done before them."""

_PYTEST = ("-m", "pytest", "-x", "-q", "--no-header", "--tb=no", "-p", "no:cacheprovider", "-o", "timeout=600")
_PATIENCE, _LEAST_SECONDS = 10.0, 300.0
"""What takes so many times as long as without a bug will never end; on a machine with other work nothing is quick."""

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


def try_all(mutants: Sequence[Mutant], *, processes: int, seeds: int, told: Callable[[str], None]) -> Iterator[Verdict]:
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
        patience = _without_any(pool, mutants, seeds)
        told(f"without a bug {seeds} seeds and the tests have nothing to say")
        for verdict in pool.imap(_try, [(mutant, seeds, patience) for mutant in mutants]):
            told(f"{verdict.name:{width}}  {verdict.caught or 'SURVIVED'}  ({verdict.seconds:.0f} s)")
            yield verdict


def _without_any(pool: "multiprocessing.pool.Pool", mutants: Sequence[Mutant], seeds: int) -> float:
    """Give the seconds after which a trial is given up, from how long the tree takes as it is."""
    own = {mutant.tests for mutant in mutants if mutant.tests and not mutant.tests.startswith(EVERYTHING)}
    began = time.perf_counter()
    trials = pool.apply_async(_by_simulation, (seeds, None)), pool.apply_async(_by_tests, ((*EVERYTHING, *own), None))
    for trial in trials:
        caught = trial.get()
        if caught:
            raise Unclean(f"nothing is planted, and still: {caught}; mend that first, or choose fewer --seeds")
    return max(_LEAST_SECONDS, _PATIENCE * (time.perf_counter() - began))


def _take_copy(folder: str) -> None:
    """Give this process a copy of the tree of its own."""
    global _copy  # noqa: PLW0603 - one for each process of the pool, which knows nothing else of itself
    _copy = Path(folder, str(os.getpid()))
    for part in COPIED:
        shutil.copytree(ROOT / part, _copy / part, ignore=shutil.ignore_patterns("__pycache__", ".*", "*.pyc"))
    shutil.copy(ROOT / "pyproject.toml", _copy)


def _try(job: tuple[Mutant, int, float]) -> Verdict:
    mutant, seeds, patience = job
    before, began = mutant.plant(_copy), time.perf_counter()
    try:
        caught = _by_simulation(seeds, patience) or _by_closest_tests(mutant, patience)
    finally:
        mutant.undo(_copy, before)
    found = re.match(r"simulation, seed (\d+)", caught)
    return Verdict(mutant.name, caught, time.perf_counter() - began, int(found[1]) + 1 if found else seeds)


def _by_closest_tests(mutant: Mutant, patience: float) -> str:
    """Ask the tests that should know, and then all that might."""
    if (_copy / mutant.closest).exists():
        caught = _by_tests((mutant.closest,), patience)
        if caught:
            return caught
    nearest = [path for path in EVERYTHING if path == mutant.folder]
    return _by_tests((*nearest, *(path for path in EVERYTHING if path not in nearest)), patience)


def _by_simulation(seeds: int, patience: float | None) -> str:
    code, told = _run(patience, "-m", "simulation", "hunt", f"0-{seeds - 1}")
    return f"simulation, {told}" if code else ""


def _by_tests(paths: Sequence[str], patience: float | None) -> str:
    ignored = [f"--ignore={path}" for path in _SIMULATION]
    code, told = _run(patience, *_PYTEST, *paths, *ignored)
    failed = [line.split(" ")[1] for line in told.splitlines() if line.startswith(("FAILED", "ERROR"))]
    return f"test {failed[0].removeprefix('tests/')}" if failed else (f"tests, which end with {code}" if code else "")


def _run(patience: float | None, *arguments: str) -> tuple[int, str]:
    """Run python on the copy; gives its exit code and what it said last."""
    path = os.pathsep.join((str(_copy / "operator"), str(_copy / "tests")))
    env = {**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, *arguments]
    try:
        done = subprocess.run(
            command, cwd=_copy, env=env, capture_output=True, text=True, timeout=patience, check=False
        )
    except subprocess.TimeoutExpired:
        return 1, "which never ended"
    return done.returncode, done.stdout.strip() or done.stderr.strip()[-200:]
