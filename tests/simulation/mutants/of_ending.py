"""Planted bugs in stopping, finishing, retention and reaping (rules 6 and 9)."""

from simulation.mutants.mutant import Mutant

MUTANTS = (
    Mutant(
        "a cancel forgets what was only named",
        "engine/stopping.py",
        "    if letter in (letters.INTENT, letters.OBSERVED) or draft.facts",
        "    if letter == letters.OBSERVED or draft.facts",
        "a Job whose creation is under way runs after the run has ended",
    ),
    Mutant(
        "a cancel forgets pods between two attempts",
        "engine/stopping.py",
        "    if letter in (letters.INTENT, letters.OBSERVED) or draft.facts.has_live_pod(draft.attempt(slot)):\n",
        "    if letter in (letters.INTENT, letters.OBSERVED):\n",
        "a pod lives after the run has ended",
    ),
    Mutant(
        "stopping is not seen through",
        "engine/stopping.py",
        "    if not draft.facts.is_confirmed(attempt, Confirmed.STOPPED) or draft.facts.has_live_pod(attempt):\n",
        "    if False:\n",
        "the run ends while its pods live",
    ),
    Mutant(
        "stopping does not wait for pods",
        "kube/jobs.py",
        "        pods = await self._list_pods(session, attempt)\n        if any(map(is_live, pods)):\n"
        "            return _POD_POLL\n",
        "        pods: list[Object] = []\n",
        "the run ends while its pods live",
    ),
    Mutant(
        "what ended well in its last moments is not counted",
        "kube/jobs.py",
        "        if held is None or not has_counted(held, pods):\n",
        "        if held is None:\n",
        "what was stopped for a deadline is told to have failed, and is done again, though it succeeded",
        tests="tests/kube/test_jobs.py",
    ),
    Mutant(
        "no tombstone is posted",
        "kube/jobs.py",
        "        self._take_job(await hold_name(self._client, tombstone(session.run",
        "        if any(map(is_live, await self._list_pods(session, attempt))):\n            return _POD_POLL\n"
        "        session.confirm(attempt, Confirmed.STOPPED)\n        return 0.0\n"
        "        self._take_job(await hold_name(self._client, tombstone(session.run",
        "nothing is stopped, and a late request finds the name free",
    ),
    Mutant(
        "a free name is left free",
        "kube/holding.py",
        "                return await client.create(JOBS, namespace, tombstone)\n",
        "                return tombstone\n",
        "a late request creates a Job of a run that was stopped",
    ),
    Mutant(
        "every Job is harmless",
        "kube/holding.py",
        "    return seen is not None and isinstance(seen.fact, JobFact) and seen.fact.state in HARMLESS\n",
        "    return True\n",
        "what runs is not stopped",
    ),
    Mutant(
        "a stop is not a stop for what comes after",
        "engine/stopping.py",
        "    if wish.stops and (draft.tally.open_tasks or wish.terminates):\n",
        "    if wish.stops and draft.letter(0) in letters.LIVE:\n",
        "tasks start after a cancel",
    ),
    Mutant(
        "terminate spares finally",
        "engine/stopping.py",
        "            if wish.terminates or not draft.node(slot).in_finally:\n",
        "            if not draft.node(slot).in_finally:\n",
        "something starts after a terminate",
    ),
    Mutant(
        "finally does not wait",
        "engine/progress.py",
        "    if draft.tally.open_tasks or draft.graph.first_finally == len(draft.graph.nodes):\n",
        "    if draft.graph.first_finally == len(draft.graph.nodes):\n",
        "clean-up runs beside the tasks",
    ),
    Mutant(
        "failures that are not excused are borne",
        "engine/results.py",
        "    if counted:\n",
        "    if False:\n",
        "a failed run is told to have succeeded",
    ),
    Mutant(
        "retention does not wait for status",
        "engine/retention.py",
        "    over = attempt < ledger.attempts[slot] or ledger.slots[slot] in FINAL\n",
        "    over = True\n",
        "a result is lost with its Job before anybody has written it down",
    ),
    Mutant(
        "names are not held",
        "engine/retention.py",
        "GRACE = 300\n",
        "GRACE = 0\n",
        "a late request brings a finished Job back",
    ),
    Mutant(
        "what was asked is not looked at again",
        "kube/reconciler.py",
        "        current.unsettled = _unsettled(plan)\n",
        "        current.unsettled = frozenset()\n",
        "nobody reads the answer, and the run stands still",
    ),
    Mutant(
        "the reaper does not look",
        "kube/jobs.py",
        " and slot < len(ledger.slots) and attempt == ledger.attempts[slot]:\n",
        " and False:\n",
        "a Job that another operator has just named is stopped",
    ),
    Mutant(
        "Jobs that nobody names are left alone",
        "engine/retention.py",
        "    return job.created + age, Reap(job.name, job.uid, job.attempt)\n",
        "    return None, delete\n",
        "what was brought back after its end runs on",
    ),
    Mutant(
        "a queue may let a finished task go again",
        "engine/retention.py",
        "    if is_believed and job.state is not JobState.SUSPENDED:\n",
        "    if is_believed:\n",
        "a task whose success was believed runs a second time when its queue has room again",
    ),
    Mutant(
        "finally waits for a step that nobody makes",
        "engine/progress.py",
        "        _settle(draft, [])  # what could not even start may have been the last that finally waits for\n",
        "",
        "a run of which the last task could not start hangs for ever",
        tests="tests/engine/test_graph_semantics.py",
    ),
)
