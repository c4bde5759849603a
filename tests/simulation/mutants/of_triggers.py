"""Planted bugs in triggers that follow other Flows: one run for each end, whatever crashes."""

from simulation.mutants.mutant import Mutant

_TESTS = "tests/simulation/test_afterflows.py"

MUTANTS = (
    Mutant(
        "any run of that time may begin",
        "kube/triggering.py",
        'started["uid"] == obj["metadata"]["uid"]',
        'started["time"] == trigger["time"]',
        "two runs follow one end when a request arrives late",
        tests="tests/kube/test_following.py",
    ),
    Mutant(
        "what waits for its partners is dealt with",
        "engine/afterflows.py",
        "    if any(one.uid == uid for one in mark.waiting):\n        return False\n",
        "",
        "the run of a set that was created just before a crash is refused, and nothing follows the set",
        tests=_TESTS,
    ),
    Mutant(
        "a mark moves on whatever is still to be heard of",
        "kube/following.py",
        "        if not await self._has_heard_all(flow, after.flows):\n",
        "        if False:\n",
        "an end that an operator heard of late is never followed",
        tests="tests/kube/test_following.py",
    ),
    Mutant(
        "history takes what triggers have not dealt with",
        "kube/history.py",
        " or awaiting.is_awaited(self._store, obj, now):\n",
        ":\n",
        "an end is never followed, since the run was deleted at once",
        tests=_TESTS,
    ),
    Mutant(
        "who waits is lost with one that was deleted",
        "kube/following.py",
        "            waiting = await self._start(flow, compiled, joined.complete, runs, fired)\n",
        "            await self._start(flow, compiled, joined.complete, runs, fired)\n",
        "the next run of the Flow of the deleted one completes no set",
        tests="tests/kube/test_following.py",
    ),
    Mutant(
        "who waits is believed to have ended as far as is known",
        "kube/following.py",
        "        if known is not None and has_ended(known):",
        "        if known is not None:",
        "a set cannot be started by an operator that has heard less than the one before",
        tests="tests/kube/test_following.py",
    ),
)
