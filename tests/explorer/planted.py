"""Bugs as people write them, one for each rule that keeps a run safe: a text of the source and what takes its place."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Bug:
    """A bug in a file of the package, the scenario in which it must be found and the rule that it breaks."""

    name: str
    file: str
    right: str
    wrong: str
    scenario: str
    rule: str


BUGS = (
    Bug(
        "Jobs are created before status names them",
        "kube/reconciler.py",
        "            if plan.deciding:\n                await self._write(",
        "            if plan.deciding:\n"
        "                await self._carrier.carry_out(current, plan.actions, decided)\n"
        "                await self._write(",
        "one-storm",
        "3",
    ),
    Bug(
        "absence from a view is believed",
        "engine/observation.py",
        "    else:\n        draft.actions.append(ConfirmGone(attempt))\n    if",
        '    else:\n        fail_attempt(draft, slot, Failure("JobDeleted", "it is not there"))\n    if',
        "one-unseen",
        "7",
    ),
    Bug(
        "status is written over whatever is known, not over what was decided upon",
        "kube/writer.py",
        'metadata = {**obj["metadata"], "resourceVersion": str(version)}',
        'metadata = {**obj["metadata"]}',
        "one-cancel",
        "6",
    ),
    Bug(
        "what is stopped does not hold its name",
        "kube/jobs.py",
        "        self._take_job(await hold_name(self._client, tombstone(session.run, attempt, task), self._wall))\n"
        "        pods = ",
        "        pods = ",
        "one-cancel",
        "11",
    ),
    Bug(
        "the run ends while pods of what was stopped live",
        "kube/jobs.py",
        "tombstone(session.run, attempt, task), self._wall))\n"
        "        pods = await self._list_pods(session, attempt)\n"
        "        if any(map(is_live, pods)):\n"
        "            return _POD_POLL\n",
        "tombstone(session.run, attempt, task), self._wall))\n        pods: list[Object] = []\n",
        "one-stale",
        "11",
    ),
    Bug(
        "one attempt too many",
        "engine/retry.py",
        "used.failures < retry.limit",
        "used.failures <= retry.limit",
        "retry-storm",
        "5",
    ),
    Bug(
        "a request that got no answer is never repeated",
        "kube/carrying.py",
        "            return max(error.retry_after or 0.0, self._claims.back_off(session, action.attempt))",
        "            return None",
        "one-lost-alone",
        "15",
    ),
    Bug(
        "a place is free before the pod in it has ended",
        "engine/places.py",
        "return named + chunks + lingering",
        "return chunks + lingering",
        "fork-narrow",
        "4",
    ),
)
