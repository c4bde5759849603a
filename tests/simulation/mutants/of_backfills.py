"""Planted bugs in Backfills: one run of each instant begins, its end is counted, and no instant is lost."""

from simulation.mutants.mutant import Mutant

_SIMULATED = "tests/simulation/test_backfills.py"
_CONTROLLED = "tests/kube/test_backfiller.py"

MUTANTS = (
    Mutant(
        "a run of a Backfill goes before its end is counted",
        "kube/history.py",
        "        return await backfillclaims.is_awaited(self._client, self._store.backfills, obj)\n",
        "        return False\n",
        "what succeeded is told to have failed, for nobody knows how it ended",
    ),
    Mutant(
        "a Backfill that has not heard of its run yet does not need it",
        "kube/backfillclaims.py",
        "    return known is not None and _claim(known, run) is not Claim.PASSED",
        "    return known is not None and _claim(known, run) is Claim.NAMED",
        "the same, when news of a Backfill are late",
        tests=_CONTROLLED,
    ),
    Mutant(
        "what a Backfill started begins when that is gone",
        "kube/backfillclaims.py",
        "    return Claim.PASSED if fresh is None else _claim(fresh, run)",
        "    return Claim.NAMED if fresh is None else _claim(fresh, run)",
        "a request that arrives late does the work of an instant for the second time",
        tests=_CONTROLLED,
    ),
    Mutant(
        "one run more than parallelism says",
        "kube/backfillruns.py",
        ">= asked.spec.parallelism:",
        "> asked.spec.parallelism:",
        "a database gets twice the load that somebody allowed",
        tests=_CONTROLLED,
    ),
    Mutant(
        "the newest instant is never done with",
        "engine/backfilling.py",
        "second >= handled",
        "second > handled",
        "a run that comes late waits for ever to be named",
        tests=_CONTROLLED,
    ),
    Mutant(
        "what is not heard of is taken for deleted",
        "kube/backfillends.py",
        "            return known\n        return await self._fresh(obj, second, uid)",
        "            return known\n        return None",
        "more runs are live than may be, and one that goes well is told to have failed",
        tests=_CONTROLLED,
    ),
    Mutant(
        "a run that never begins counts as one",
        "kube/pastruns.py",
        "        if await _begins(client, store, run):",
        "        if True:",
        "an instant that nobody ran is passed over",
        tests=_CONTROLLED,
    ),
    Mutant(
        "two Backfills of the same instants begin at once",
        "kube/backfillstart.py",
        " or await self._behind(obj, spec)",
        "",
        "an instant is run twice although neither was asked to do it again",
        tests=_CONTROLLED,
    ),
    Mutant(
        "a Backfill does not wait for the trigger",
        "kube/backfillstart.py",
        "_pending(spec, flow, trigger) or ",
        "",
        "an instant is run by both",
        tests=_CONTROLLED,
    ),
    Mutant(
        "a cancelled Backfill forgets its runs",
        "kube/backfiller.py",
        "            await self._work.ends.stop(obj, step)\n",
        "            step.progress = Progress.parse({**step.progress.dump(), 'live': []})\n",
        "they go on, and nobody counts them",
        tests=_CONTROLLED,
    ),
    Mutant(
        "a paused Backfill goes on",
        "kube/backfiller.py",
        "        elif _desired(obj) != BackfillState.PAUSED:\n",
        "        else:\n",
        "nobody can stop it for a while",
        tests=_CONTROLLED,
    ),
    Mutant(
        "nobody is told that a run of a Backfill ended",
        "kube/inbox.py",
        '        if kind == "DELETED" or has_ended(obj):  # also',
        '        if kind == "DELETED":  # also',
        "each run is started only when something else happens",
        tests=_SIMULATED,
    ),
)
