"""Planted bugs against rules 1 to 3 of ARCHITECTURE.md: status first, compare-and-swap, a name is a claim."""

from simulation.mutants.mutant import Mutant

MUTANTS = (
    Mutant(
        "no compare-and-swap",
        "kube/writer.py",
        '    metadata = {**obj["metadata"], "resourceVersion": str(version)}\n',
        '    fresh = await client.get(resource, obj["metadata"]["namespace"], obj["metadata"]["name"])\n'
        '    metadata = {**obj["metadata"], "resourceVersion": fresh["metadata"]["resourceVersion"]}\n',
        "what another operator decided is overwritten",
    ),
    Mutant(
        "Jobs before status",
        "kube/reconciler.py",
        "            if plan.deciding:\n                await self._write(current, obj, plan)\n",
        "            if plan.deciding:\n                await self._carrier.carry_out(current, plan.actions, decided)\n"
        "                await self._write(current, obj, plan)\n",
        "a crash between the two leaves a Job that nothing names",
    ),
    Mutant(
        "a conflict is taken for success",
        "kube/reconciler.py",
        "        stored = await write_status(self._client, FLOWRUNS, obj, plan.status, current.version)\n",
        "        try:\n"
        "            stored = await write_status(self._client, FLOWRUNS, obj, plan.status, current.version)\n"
        "        except Conflict:\n"
        "            stored = await self._client.get(FLOWRUNS, current.run.namespace, current.run.name)\n",
        "Jobs are created that status does not name",
    ),
    Mutant(
        "an unanswered write is taken for done",
        "kube/reconciler.py",
        "        stored = await write_status(self._client, FLOWRUNS, obj, plan.status, current.version)\n",
        "        try:\n"
        "            stored = await write_status(self._client, FLOWRUNS, obj, plan.status, current.version)\n"
        "        except Exception as error:\n"
        '            if getattr(error, "status", 1):\n'
        "                raise\n"
        '            stored = {**obj, "status": dict(plan.status)}\n',
        "Jobs are created that status may not name",
    ),
    Mutant(
        "a stale session goes on under the newest version",
        "kube/reconciler.py",
        "if known is not None and (known.version >= version_of(obj) or _same_record(known.status, status)):",
        "if known is not None:",
        "a decision on old facts overwrites a newer one, and compare-and-swap does not see it",
    ),
    Mutant(
        "what another operator decided is nothing new",
        "kube/reconciler.py",
        '("frozen", "ledger", "outputs", "outputRefs", "completionTime", "stop", "attempt", "nextAttemptTime")\n',
        '("frozen",)\n',
        "what another operator wrote is not read",
    ),
    Mutant(
        "Job names by chance",
        "resources/names.py",
        "    tail = digest(uid, str(slot), str(attempt))\n",
        '    count = job_name.__dict__.setdefault("count", [])\n    count.append(uid)\n'
        "    tail = digest(uid, str(slot), str(attempt), str(len(count)))\n",
        "two operators create two Jobs for one attempt",
    ),
    Mutant(
        "Job names without the attempt",
        "resources/names.py",
        "    tail = digest(uid, str(slot), str(attempt))\n",
        "    tail = digest(uid, str(slot))\n",
        "a retry finds the Job of the attempt before",
    ),
    Mutant(
        "Job names without the run's UID",
        "resources/names.py",
        "    tail = digest(uid, str(slot), str(attempt))\n",
        "    tail = digest(str(slot), str(attempt))\n",
        "another run of the same name finds the Jobs of the one before",
    ),
    Mutant(
        "a foreign Job is adopted",
        "kube/jobs.py",
        "        if seen is None or seen.run_uid != session.run.uid or seen.fact.attempt != attempt:\n",
        "        if seen is None:\n",
        "the result of somebody else's Job is taken for the task's",
    ),
    Mutant(
        "recovery does not read the run",
        "kube/jobs.py",
        "        await self._claims.confirm(session, attempt)\n",
        "",
        "an operator that was frozen brings back a Job of an attempt that others have ended",
    ),
    Mutant(
        "recovery does not look for the Job's pods",
        "kube/jobs.py",
        "        return bool(await self._list_pods(session, attempt))\n",
        "        return False\n",
        "a Job that somebody deleted is created again while its pod still runs",
    ),
    Mutant(
        "recovery believes that it is always named",
        "kube/claims.py",
        "        return ledger.attempts[slot] == number and ledger.slots[slot] in (INTENT, OBSERVED)\n",
        "        return True\n",
        "a Job is created for an attempt that is over",
        tests="tests/kube/test_jobs.py",
    ),
    Mutant(
        "an old decision is still fresh",
        "kube/jobs.py",
        "        is_fresh = action.fresh and self._claims.is_fresh(decided)\n",
        "        is_fresh = action.fresh\n",
        "an operator that slept after its write creates a Job that others have ended and retention has deleted",
    ),
    Mutant(
        "recovery is not careful at all",
        "kube/jobs.py",
        "        if not is_fresh and await self._is_there(session, action.attempt, action.task):\n",
        "        if False and await self._is_there(session, action.attempt, action.task):\n",
        "a Job is created again without a look",
    ),
    Mutant(
        "an unanswered creation is a refusal",
        "kube/claims.py",
        "    if isinstance(error, Unavailable):\n        raise error\n    if isinstance(error, Rejected):\n",
        "    if isinstance(error, Unavailable | Rejected):\n",
        "the attempt fails although its Job runs",
        tests="tests/kube/test_jobs.py",
    ),
)
