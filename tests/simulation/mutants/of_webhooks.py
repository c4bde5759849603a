"""Planted bugs in webhooks: who is let in, what counts as one event, and how long its run's name is held."""

from simulation.mutants.mutant import Mutant

_DESK, _SIGNATURES = "tests/receiver/test_desk.py", "tests/receiver/test_signatures.py"

MUTANTS = (
    Mutant(
        "the run of an event goes as any other",
        "kube/history.py",
        " * _TOGETHER + EVENT_SECONDS\n",
        " * _TOGETHER\n",
        "an event that is sent again does its work again",
        tests="tests/simulation/test_webhooks.py",
    ),
    Mutant(
        "runs of events wait to be named",
        "kube/triggering.py",
        "_CLAIMED = {kind.value for kind in (*SCHEDULES, TriggerKind.FLOW)}\n",
        "_CLAIMED = {kind.value for kind in TriggerKind}\n",
        "nobody names them, so they wait for ever",
        tests="tests/simulation/test_webhooks.py",
    ),
    Mutant(
        "an event is what was received",
        "receiver/starting.py",
        'event_run_name(meta["name"], hook.uid, hook.trigger, event.key)\n',
        'event_run_name(meta["name"], hook.uid, hook.trigger, event.key + str(self._wall()))\n',
        "each time that it is sent it gets another run",
        tests="tests/simulation/test_webhooks.py",
    ),
    Mutant(
        "a name that is taken is taken for the run",
        "receiver/starting.py",
        "        if not is_run_of_event(run, hook.uid, hook.trigger, event.key):\n",
        "        if False:\n",
        "an event is told of somebody else's run, and gets none",
        tests=_DESK,
    ),
    Mutant(
        "runs that the watch has not told of are not pending",
        "receiver/runs.py",
        "            self._unseen[run.uid] = self._monotonic(), run\n",
        "            pass\n",
        "a burst starts more runs than may be pending",
        tests=_DESK,
    ),
    Mutant(
        "what is suspended says so to everybody",
        "receiver/desk.py",
        "                check(hook.webhook.verify, keys, headers, body, self._wall())\n"
        "                if hook.problem:\n"
        "                    raise RequestRefused(409, hook.problem)\n",
        "                if hook.problem:\n"
        "                    raise RequestRefused(409, hook.problem)\n"
        "                check(hook.webhook.verify, keys, headers, body, self._wall())\n",
        "who is not verified learns of the Flow",
        tests=_DESK,
    ),
    Mutant(
        "a Secret that cannot be read lets all pass",
        "receiver/secretkeys.py",
        "        if isinstance(found, RequestRefused):\n",
        "        if isinstance(found, RequestRefused) and found.status != 500:\n",
        "a Secret that was withdrawn opens the door",
        tests=_DESK,
    ),
    Mutant(
        "times to come are as good as any",
        "receiver/signatures.py",
        "    if abs(age) > TOLERANCE:\n",
        "    if age > TOLERANCE:\n",
        "a request that was signed for next year can be sent again until then",
        tests=_SIGNATURES,
    ),
    Mutant(
        "the first of several keys decides",
        "receiver/signatures.py",
        "        if _is_among(right, signatures):\n            return\n",
        "        if _is_among(right, signatures):\n            return\n        break\n",
        "no key can be changed without a gap",
        tests=_SIGNATURES,
    ),
    Mutant(
        "headers that nobody signed make an event",
        "engine/event.py",
        '    if "ce-specversion" in headers and verify is Verify.BEARER:\n',
        '    if "ce-specversion" in headers:\n',
        "who sends a signed body again gives it another id, and it has another run",
    ),
)
