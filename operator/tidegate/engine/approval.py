"""The body `approval`: waits for a person's decision, a FlowApproval, without a pod.

Who may decide, RBAC says, and that nobody decides in another's name, an admission policy. Here is said which decision
counts: the first by name among those that are valid when the run is looked at; once status says so, no other does.
"""

import hashlib
from collections.abc import Mapping
from typing import Any

from tidegate.api.bodies import Approval, OnTimeout
from tidegate.engine import ledger as letters
from tidegate.engine import outputs, questions
from tidegate.engine.actions import Answer, Happening
from tidegate.engine.asking import AWAITING
from tidegate.engine.draft import Draft
from tidegate.engine.facts import ApprovalFact
from tidegate.engine.findings import nearest
from tidegate.engine.graph import Node
from tidegate.engine.ledger import Ledger
from tidegate.engine.templating import render, render_text
from tidegate.engine.views import STATE_NAMES

APPROVED, REJECTED = "Approved", "Rejected"
ALREADY_DECIDED = "AlreadyDecided"
_TIMED_OUT = "TimedOut"


def begin(draft: Draft, node: Node) -> None:
    """Ask, and fix how long it is waited.

    Raises:
        ExpressionError: the message or a default cannot be evaluated.
    """
    approval = _approval_of(node)
    message = render_text(node.inputs["message"], draft.context(node)) or "a decision is asked for"
    problem = questions.bad_defaults(approval, _defaults(draft, node))
    if problem:
        draft.finish(node.slot, letters.FAILED, "InvalidParams", f"approval.params: {problem}")
        return
    if approval.timeout_seconds is not None:
        draft.ledger.note(node.slot, due=int(draft.now) + approval.timeout_seconds)
    draft.tell(node.slot, AWAITING, message)
    draft.happenings.append(Happening(False, AWAITING, f"task {node.name} waits for a decision: {message}"))
    look(draft, node)


def look(draft: Draft, node: Node) -> None:
    """Take up a decision that is there, or end the wait when its time has come."""
    due = draft.ledger.extra_of(node.slot).due
    facts = sorted(draft.facts.approvals.get(node.name, ()), key=lambda fact: fact.name)
    fact = next((fact for fact in facts if not _refusal(draft, node, fact)[0]), None)
    if fact is not None:
        _take_up(draft, node, fact)
    elif due and draft.now >= due:
        _be_over(draft, node)
    elif due:
        draft.wake(due)


def answer(draft: Draft) -> None:
    """Say in each FlowApproval whether it counted; carried out after the decision is in status."""
    for task, facts in draft.facts.approvals.items():
        for fact in facts:
            verdict = _verdict(draft, task, fact)
            if verdict is not None:
                counted, reason, message = verdict
                draft.actions.append(Answer(fact.name, fact.uid, counted, reason, message, draft.now))


def has_counted(ledger: Ledger, uid: str) -> bool:
    """Whether the FlowApproval of that UID was taken up, whatever the task."""
    digest = digest_of(uid)
    return any(digest in digests for digests in ledger.decided.values())


def taken_up(task: str, decision: str) -> str:
    """Say that a decision counted."""
    return f"the run took this decision up: task {task} is {decision.lower()}"


def _take_up(draft: Draft, node: Node, fact: ApprovalFact) -> None:
    slot = node.slot
    draft.ledger.decided[slot] = (*draft.ledger.decided.get(slot, ()), digest_of(fact.uid))
    told = f"by {fact.by}{': ' if fact.comment else ''}{fact.comment}"
    if fact.approved:
        _approve(draft, node, fact.params, fact.by, fact.comment)
        if draft.letter(slot) == letters.SUCCEEDED:
            draft.tell(slot, APPROVED, told)
    else:
        draft.finish(slot, letters.FAILED, REJECTED, told)


def _approve(draft: Draft, node: Node, given: Mapping[str, Any], by: str, comment: str) -> None:
    values, problem = questions.outputs_of(_approval_of(node), given, _defaults(draft, node), by, comment)
    if problem:
        draft.finish(node.slot, letters.FAILED, "InvalidParams", problem)
        return
    try:
        draft.succeed(node.slot, outputs.check(values, node.task.outputs or ()))
    except outputs.OutputError as error:
        draft.finish(node.slot, letters.FAILED, error.reason, error.message)


def _be_over(draft: Draft, node: Node) -> None:
    approval = _approval_of(node)
    message = f"nobody decided within {approval.timeout_seconds} s"
    match approval.on_timeout:
        case OnTimeout.APPROVE:
            _approve(draft, node, {}, "", message)
            if draft.letter(node.slot) == letters.SUCCEEDED:
                draft.tell(node.slot, _TIMED_OUT, f"{message}: approved, as onTimeout says")
        case OnTimeout.SKIP:
            draft.finish(node.slot, letters.SKIPPED, _TIMED_OUT, message)
        case OnTimeout.FAIL:
            draft.finish(node.slot, letters.FAILED, _TIMED_OUT, message)


def _refusal(draft: Draft, node: Node, fact: ApprovalFact) -> tuple[str, str]:
    """Say why a decision cannot be taken up while its task waits: reason and sentence, empty when it can."""
    if fact.edited:
        return "Edited", "its spec was changed after it was created: create another"
    if fact.index:
        return "UnknownItem", f"task {node.name} has no item {fact.index}: leave index out"
    if digest_of(fact.uid) in draft.ledger.decided.get(node.slot, ()):
        return ALREADY_DECIDED, "it counted already, when the run was tried before: create another"
    if not fact.approved:
        return "", ""
    given, defaults = fact.params, _defaults(draft, node)
    problem = questions.outputs_of(_approval_of(node), given, defaults, fact.by, fact.comment)[1]
    return ("InvalidParams", f"{problem}; create another") if problem else ("", "")


def _verdict(draft: Draft, task: str, fact: ApprovalFact) -> tuple[bool, str, str] | None:
    """Give whether a decision counted, reason and sentence; None while that is open."""
    slot = draft.graph.slots.get(task)
    if slot is None:
        return False, "UnknownTask", f'the run has no task "{task}"{nearest(task, draft.graph.slots)}'
    node, letter = draft.graph.nodes[slot], draft.letter(slot)
    if node.task.approval is None:
        return False, "NotWaiting", f"task {task} asks for no decision"
    decided = draft.ledger.decided.get(slot, ())
    if digest_of(fact.uid) in decided:
        word = APPROVED if fact.approved else REJECTED
        return True, word, taken_up(task, word)
    if letter == letters.WAITING:
        reason, message = _refusal(draft, node, fact)
        return (False, reason, message) if reason else None
    if decided and letter in letters.FINAL:
        record = draft.record(slot)
        last = f": {record.reason} {record.message}" if record.reason else ""
        return False, ALREADY_DECIDED, f"another decision counts for task {task}{last}"
    state = STATE_NAMES.get(letter, "Pending")
    return False, "NotWaiting", f"task {task} does not wait for a decision: it is {state}"


def _defaults(draft: Draft, node: Node) -> dict[str, Any]:
    return dict(render(dict(node.inputs["params"]), draft.context(node)))


def digest_of(uid: str) -> int:
    """Give 32 bits that stand for a UID in the ledger; enough to tell the few decisions on one task apart."""
    return int(hashlib.sha256(uid.encode()).hexdigest()[:8], 16)


def _approval_of(node: Node) -> Approval:
    assert node.task.approval is not None  # noqa: S101  the caller looked
    return node.task.approval
