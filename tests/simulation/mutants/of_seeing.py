"""Planted bugs in what is believed: absences, successes, failures, old news (rules 4 and 5)."""

from simulation.mutants.mutant import Mutant

MUTANTS = (
    Mutant(
        "an absence is believed",
        "engine/observation.py",
        "    else:\n        draft.actions.append(ConfirmGone(attempt))\n    if draft.letter",
        '    else:\n        fail_attempt(draft, slot, Failure("JobDeleted", ""))\n    if draft.letter',
        "a view that lags makes a running task fail, and its next attempt runs beside it",
    ),
    Mutant(
        "the name of a deleted Job is not taken",
        "kube/jobs.py",
        "            found = await self._take_name(session, attempt, node.name)\n",
        "            found = tombstone(session.run, attempt, node.name)\n"
        '            found["metadata"] |= {"uid": str(attempt), "resourceVersion": "1"}\n',
        "a request that is still on its way brings the Job back after the attempt was given up",
    ),
    Mutant(
        "the pods of a deleted Job are not looked for",
        "kube/jobs.py",
        "        if any(map(is_live, await self._list_pods(session, attempt))):\n            return _POD_POLL\n"
        "        session.confirm(attempt, Confirmed.PODS_GONE)\n",
        "        session.confirm(attempt, Confirmed.PODS_GONE)\n",
        "the next attempt starts while a pod of the last one runs",
    ),
    Mutant(
        "a deleted Job's pods are not waited for",
        "engine/observation.py",
        "    if draft.facts.has_live_pod(attempt):\n"
        '        draft.tell(slot, "JobDeleted", "its Job was deleted; its pod has not ended yet")\n'
        "    elif draft.facts.is_confirmed",
        "    if True or draft.facts.is_confirmed",
        "the next attempt starts while a pod of the last one runs",
    ),
    Mutant(
        "a suspended Job's pod is believed",
        "engine/observation.py",
        "job.state not in (JobState.SUSPENDED, JobState.FAILING, JobState.FAILED):",
        "job.state not in (JobState.FAILING, JobState.FAILED):",
        "a preempted pod counts as success, and its Job runs again when it is resumed",
    ),
    Mutant(
        "a pod that is being deleted is believed",
        "kube/observing.py",
        '        and "deletionTimestamp" not in obj["metadata"]\n',
        "",
        "what was stopped counts as success, whatever its Job makes of it",
        tests="tests/kube/test_observed_pods.py",
    ),
    Mutant(
        "exit codes do not matter",
        "kube/observing.py",
        '        and all(end.get("exitCode") == 0 for end in ended)\n',
        "",
        "a failed task counts as success",
    ),
    Mutant(
        "a failure is taken from the pod",
        "engine/observation.py",
        "    elif job.state in (JobState.FAILING, JobState.FAILED):\n",
        "    elif job.state in (JobState.FAILING, JobState.FAILED) or any(pod.exit_code for pod in pods):\n",
        "a preemption counts as failure, and the next attempt runs beside the resumed Job",
    ),
    Mutant(
        "a failing Job's pods are not waited for",
        "engine/observation.py",
        "        if alive is None:\n            _failed(draft, slot, job, pods)\n",
        "        if alive is None or True:\n            _failed(draft, slot, job, pods)\n",
        "the next attempt starts while a pod of the last one runs",
    ),
    Mutant(
        "lost outputs are not missed",
        "engine/observation.py",
        "    return node.slot in draft.graph.wanted or bool(node.task.outputs) or node.until is not None\n",
        "    return False\n",
        "a task that reads them gets nothing, and goes on",
    ),
    Mutant(
        "a success is taken back",
        "engine/observation.py",
        " in (letters.INTENT, letters.OBSERVED):\n            _observe_slot(draft, slot)\n",
        " in (letters.INTENT, letters.OBSERVED, letters.SUCCEEDED):\n            _observe_slot(draft, slot)\n",
        "a final task changes when its Job is looked at again",
    ),
    Mutant(
        "older news is taken",
        "kube/children.py",
        "        if before is not None and before.version >= seen.version:\n            return False\n",
        "",
        "a view that goes backwards makes a task run that has ended",
    ),
    Mutant(
        "older news of runs is taken",
        "kube/store.py",
        'if obj["metadata"]["uid"] in self._deleted or (before is not None and version_of(before) >= version_of(obj)):',
        'if obj["metadata"]["uid"] in self._deleted:',
        "a decision is made on what another operator has long changed",
    ),
    Mutant(
        "what was deleted comes back",
        "kube/store.py",
        "        if seen.uid in self._deleted or not self._children",
        "        if not self._children",
        "a late event keeps a Job alive for ever that is gone",
    ),
    Mutant(
        "a list takes nothing away",
        "kube/inbox.py",
        "        for key in self._store.drop_unlisted(fact, namespace, uids, version):\n",
        "        for key in ():\n",
        "what ended while no watch was open is waited for without end",
    ),
    Mutant(
        "of two Jobs of one name the last heard of counts",
        "kube/children.py",
        "        fact = max(holders, key=lambda holder: holder.version).fact\n",
        "        fact = holders[-1].fact\n",
        "a late event about a deleted Job hides the tombstone that took its name",
    ),
)
