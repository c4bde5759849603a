"""Bugs in what `tidegate explain` tells of time: people would trust a Flow that is late, or mend one that is not."""

from simulation.mutants.mutant import Mutant

_TESTS = "tests/engine/test_rehearsal.py"

MUTANTS = (
    Mutant(
        "on paper nothing times out",
        "engine/work.py",
        "    is_late = limit is not None and takes > limit\n",
        "    is_late = False\n",
        "a task that is too long for its timeout is told to succeed",
        tests=_TESTS,
    ),
    Mutant(
        "on paper a guess makes a run late",
        "engine/rehearsal.py",
        "        if not told.is_late or told.guess is None:\n",
        "        if True:\n",
        "a Flow that keeps its deadline is told to miss it",
        tests=_TESTS,
    ),
    Mutant(
        "on paper time passes over what happens sooner",
        "engine/agenda.py",
        "        self.now = min(instants)\n",
        "        self.now = max(instants)\n",
        "what ends first is told to end last, and decides nothing",
        tests=_TESTS,
    ),
    Mutant(
        "on paper all items run side by side",
        "engine/work.py",
        "        place = min(range(side_by_side), key=places.__getitem__)\n",
        "        place, places = 0, [0.0]\n",
        "a fan-out is told to take as long as one of its items",
        tests=_TESTS,
    ),
    Mutant(
        "a rerun on paper begins with nothing",
        "engine/rehearsal.py",
        "    if not keep:\n",
        "    if True:\n",
        "what is said to be reused is told to run again",
        tests=_TESTS,
    ),
)
