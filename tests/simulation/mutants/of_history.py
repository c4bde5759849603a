"""Planted bugs in what is kept: finished runs (`history`, their TTL), and results for those that would do the same."""

from simulation.mutants.mutant import Mutant

MUTANTS = (
    Mutant(
        "what is seen is deleted without a look",
        "kube/history.py",
        ' if run["metadata"]["uid"] in there]',
        "]",
        "a run too many goes when somebody else has just deleted one",
    ),
    Mutant(
        "who is not heard of yet needs nothing",
        "kube/history.py",
        "        if there - self._store.uids:\n",
        "        if False:\n",
        "a rerun finds that the run is gone which it was created to do again",
    ),
    Mutant(
        "an old history is heeded",
        "kube/history.py",
        "            fresh = await self._client.get(FLOWS, *flow)\n",
        "            fresh = self._store.flows[flow]\n",
        "runs go that were to be kept from now on",
    ),
    Mutant(
        "what is being done again goes",
        "kube/history.py",
        " if not await self._is_needed(old, now)]\n",
        "]\n",
        "a rerun finds that the run is gone which it was created to do again",
    ),
    Mutant(
        "children go before their parent",
        "kube/history.py",
        "    if not has_ended(store.run_of_uid(parent) or _ENDED):\n",
        "    if False:\n",
        "a task fails because the run that it called was cleaned away",
    ),
    Mutant(
        "a child's name is free at once",
        "kube/history.py",
        '["completionTime"]) or 0.0) + GRACE\n',
        '["completionTime"]) or 0.0)\n',
        "a request that arrives late creates a child run for the second time",
    ),
    Mutant(
        "an old time to live is heeded",
        "kube/history.py",
        "            fresh = await self._client.get(FLOWRUNS, *key_of(obj))\n",
        "            fresh = obj\n",
        "a run goes that was just given more time",
    ),
    Mutant(
        "results are kept only after their success is durable",
        "kube/reconciler.py",
        "            self._carrier.keep_results(current, plan.actions),\n"
        "            *(self._store_data(current, content) for content in plan.stores),\n        )\n"
        "        await self._put(current, obj, plan)\n",
        "            *(self._store_data(current, content) for content in plan.stores),\n        )\n"
        "        await self._put(current, obj, plan)\n"
        "        await self._carrier.keep_results(current, plan.actions)\n",
        "an operator that dies between the two has the work done again",
        tests="tests/simulation/test_cache.py",
    ),
    Mutant(
        "results that could not be kept are forgotten with a conflict",
        "kube/reconciler.py",
        "            self._unkept[uid] = stale.unkept\n",
        "            pass\n",
        "the work is done again",
        tests="tests/simulation/test_cache.py",
    ),
)
