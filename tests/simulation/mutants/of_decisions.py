"""Planted bugs in approvals: which decision counts, whose it is, and what it is told."""

from simulation.mutants.mutant import Mutant

MUTANTS = (
    Mutant(
        "a second decision is told that it counts",
        "engine/approval.py",
        "        return False, ALREADY_DECIDED, f",
        "        return True, ALREADY_DECIDED, f",
        "two people believe that they decided",
    ),
    Mutant(
        "a second decision counts, too",
        "engine/approval.py",
        "(*draft.ledger.decided.get(slot, ()), digest_of(fact.uid))\n",
        "(\n        *draft.ledger.decided.get(slot, ()),\n"
        "        *(digest_of(each.uid) for each in draft.facts.approvals.get(node.name, ())),\n    )\n",
        "who rejected is told that this was taken up, though the run goes on",
    ),
    Mutant(
        "a decision counts again when the run is tried again",
        "engine/approval.py",
        "    if digest_of(fact.uid) in draft.ledger.decided.get(node.slot, ()):\n",
        "    if False:\n",
        "nobody is asked the second time",
    ),
    Mutant(
        "which decision counted is not written",
        "engine/approval.py",
        "    draft.ledger.decided[slot] = (*draft",
        "    _ = (*draft",
        "after a crash nobody knows who decided",
    ),
    Mutant(
        "a rejection approves",
        "engine/approval.py",
        "    if fact.approved:\n        _approve(draft, node, fact.params",
        "    if True:\n        _approve(draft, node, fact.params",
        "what somebody forbade is done",
    ),
    Mutant(
        "an edited decision counts",
        "kube/approvals.py",
        '        edited=metadata.get("generation", 1) != 1,\n',
        "        edited=False,\n",
        "who may edit decides in the name of whoever created it",
        tests="tests/kube/test_answering.py",
    ),
    Mutant(
        "a decision on an earlier run of the name counts",
        "kube/approvals.py",
        "        for task, fact in self._open.get((run, uid), {}).values():\n",
        "        decisions = [each for (key, _), open in self._open.items() if key == run for each in open.values()]\n"
        "        for task, fact in decisions:\n",
        "what somebody approved once is approved for ever",
        tests="tests/kube/test_answering.py",
    ),
    Mutant(
        "an answer is changed",
        "kube/answering.py",
        "    return known is None or (wanted.counted and not known)\n",
        "    return True\n",
        "one operator tells the truth, and the other, which knows less, takes it back",
    ),
    Mutant(
        "what an ended run took up is refused",
        "kube/answering.py",
        '        return self._corrected(obj) or self._refusal(obj, "RunEnded"',
        '        return self._refusal(obj, "RunEnded"',
        "who decided is told that it came too late",
    ),
    Mutant(
        "a refusal is told by whoever knows an older run",
        "kube/waiting.py",
        "            if version_of(obj) != session.version:\n",
        "            if False:\n",
        "who decided is told that it does not count, and then it does",
    ),
    Mutant(
        "silence is taken for consent",
        "engine/approval.py",
        "        case OnTimeout.FAIL:\n            draft.finish(node.slot, letters.FAILED, _TIMED_OUT, message)\n",
        '        case OnTimeout.FAIL:\n            _approve(draft, node, {}, "", message)\n',
        "what nobody approved is done",
    ),
    Mutant(
        "nobody's time is up",
        "engine/approval.py",
        "    elif due:\n        draft.wake(due)\n",
        "",
        "a run waits for a decision long after its time is up",
    ),
    Mutant(
        "who decides is whoever the machine says",
        "cli/deciding.py",
        '    by = str(who["status"]["userInfo"]["username"])\n',
        '    by = str(who["kind"]) and __import__("getpass").getuser()\n',
        "a decision bears the name of another, or the API server refuses it",
        tests="tests/cli/test_approve.py",
    ),
    Mutant(
        "anybody decides in another's name",
        "charts/tidegate/templates/approval-policy.yaml",
        "request.operation != 'CREATE' || object.spec.by == request.userInfo.username\n",
        "request.operation != 'CREATE' || object.spec.by == request.userInfo.username || object.spec.by != ''\n",
        "an approval by somebody else's name",
        tests="tests/test_generated.py",
    ),
    Mutant(
        "a decision may be changed",
        "charts/tidegate/templates/approval-policy.yaml",
        "request.operation != 'UPDATE' || object.spec == oldObject.spec\n",
        "request.operation != 'UPDATE' || object.spec.by == oldObject.spec.by\n",
        "a rejection is made an approval",
        tests="tests/test_generated.py",
    ),
)
