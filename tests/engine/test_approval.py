"""`approval`: which decision counts, what becomes of its task, and what the others are told."""

from dataclasses import replace
from typing import Any

import pytest

from engine.harness import START, Story, graph_of, pod
from tidegate.api.flow import FlowSpec
from tidegate.engine.actions import Answer
from tidegate.engine.approval import has_counted
from tidegate.engine.facts import ApprovalFact
from tidegate.engine.graph import compile_flow

TEAM = {"name": "team", "enum": ["red", "blue"], "default": "red"}
COPIES = {"name": "copies", "type": "integer", "minimum": 1}


def asking(*params: dict[str, Any], **approval: Any) -> Story:
    """Tell of a run whose first task asks, and whose second needs the answer."""
    question = {"message": "go?", "params": list(params), **approval}
    told = Story(graph_of({"name": "ask", "approval": question}, pod("then", "ask")))
    told.step()
    return told


def decision(name: str = "d", *, approved: bool = True, **more: Any) -> ApprovalFact:
    fact = ApprovalFact(name, f"uid-{name}", 0, approved, "ann", "", {})
    return replace(fact, **more)


def decided(told: Story, *facts: ApprovalFact, task: str = "ask", seconds: float = 1) -> None:
    told.approvals[task] = facts
    told.step(seconds)


def answers(told: Story) -> dict[str, tuple[bool, str]]:
    assert told.plan is not None
    return {a.name: (a.counted, a.reason) for a in told.plan.actions if isinstance(a, Answer)}


def sentence(told: Story, name: str = "d") -> str:
    assert told.plan is not None
    return next(a.message for a in told.plan.actions if isinstance(a, Answer) and a.name == name)


# Asking


def test_a_run_that_waits_for_a_decision_says_who_may_take_it_and_how():
    told = asking(message="$[[ 'ship ' + string(1 + 1) + '?' ]]")
    row = told.row("ask")
    assert (told.letters, row["state"], row["reason"], row["message"]) == (
        "WP",
        "Waiting",
        "AwaitingApproval",
        "ship 2?",
    )
    assert told.condition == ("Unknown", "AwaitingApproval")
    why = told.plan.status["why"]
    assert why.startswith("ask waits for a decision (ship 2?): who may create flowapprovals here answers with")
    assert "`tidegate approve run ask -n ns`, or reject" in why
    assert told.plan.wake_at is None
    assert [h.reason for h in told.plan.happenings] == ["AwaitingApproval"]


def test_what_runs_beside_is_told_after_the_question():
    told = Story(graph_of({"name": "ask", "approval": {}}, pod("work")))
    told.step()
    told.runs("work")
    told.step(1)
    assert told.condition == ("Unknown", "AwaitingApproval")
    assert told.plan.status["why"].endswith("or reject; work is running")


def test_a_paused_run_is_paused_and_takes_decisions_but_starts_nothing():
    told = asking()
    told.desired = "Paused"
    told.step(1)
    assert told.condition == ("Unknown", "Paused")
    decided(told, decision())
    assert (told.letters, told.started()) == ("SH", [])


def test_a_message_that_fails_fails_the_task():
    spec = [{"name": "nothing", "required": False}]
    told = Story(graph_of({"name": "ask", "approval": {"message": "$[[ params.nothing ]]"}}, params=spec))
    told.step()
    assert (told.letters, told.row("ask")["reason"]) == ("F", "ExpressionFailed")


# Deciding


def test_an_approval_lets_the_run_go_on_with_its_params_and_who_gave_it():
    told = asking(TEAM, COPIES)
    decided(told, decision(params={"copies": 3}, comment="fine"))
    assert told.letters == "SI"
    outputs = {"team": "red", "copies": 3, "decision": "Approved", "by": "ann", "comment": "fine"}
    assert told.plan.status["outputs"]["ask"] == outputs
    row = told.row("ask")
    assert (row["reason"], row["message"]) == ("Approved", "by ann: fine")
    assert answers(told) == {"d": (True, "Approved")}
    assert sentence(told) == "the run took this decision up: task ask is approved"


def test_a_rejection_fails_the_task_with_the_comment():
    told = asking(COPIES)
    decided(told, decision(approved=False, comment="not on a friday"))
    assert told.letters == "FU"
    row = told.row("ask")
    assert (row["reason"], row["message"]) == ("Rejected", "by ann: not on a friday")
    assert answers(told) == {"d": (True, "Rejected")}
    assert told.condition == ("False", "TaskFailed")


def test_a_rejection_may_be_allowed_to_fail():
    told = Story(graph_of({"name": "ask", "approval": {}, "allowFailure": True}, pod("then", "ask")))
    told.step()
    decided(told, decision(approved=False))
    assert (told.letters, told.started()) == ("FI", [("then", 1)])


def test_defaults_are_rendered_with_what_the_task_sees():
    task = {
        "name": "ask",
        "needs": ["n"],
        "approval": {"params": [{"name": "copies", "type": "integer", "default": "$[[ tasks.n.outputs.n + 1 ]]"}]},
    }
    told = Story(graph_of({"name": "n", "set": {"n": 4}}, task))
    told.step()
    decided(told, decision())
    assert told.plan.status["outputs"]["ask"]["copies"] == 5


def test_a_default_that_is_not_of_its_type_fails_the_task_before_anybody_is_asked():
    param = {"name": "copies", "type": "integer", "default": "$[[ 'many' ]]"}
    told = asking(param)
    assert (told.letters[0], told.row("ask")["reason"]) == ("F", "InvalidParams")
    assert told.row("ask")["message"] == 'approval.params: copies: got "many"; expected an integer of 64 bits'


def test_the_first_by_name_counts_and_the_others_are_told():
    told = asking()
    decided(told, decision("b", approved=False), decision("c"), decision("a"))
    assert told.letters == "SI"
    assert answers(told) == {"a": (True, "Approved"), "b": (False, "AlreadyDecided"), "c": (False, "AlreadyDecided")}
    assert sentence(told, "b") == "another decision counts for task ask: Approved by ann"


def test_a_second_decision_is_told_that_it_is_the_second():
    told = asking()
    decided(told, decision())
    told.reload()
    decided(told, decision("e", approved=False))
    assert told.letters[0] == "S"
    assert answers(told) == {"e": (False, "AlreadyDecided")}


def test_a_decision_that_counted_is_told_so_again_after_a_crash_and_repeats_nothing():
    told = asking()
    decided(told, decision())
    assert told.plan.status["ledger"]["decided"][0][0] == 0
    told.reload()
    told.step(1)
    assert (told.letters, told.plan.deciding) == ("SI", False)
    assert answers(told) == {"d": (True, "Approved")}
    assert has_counted(told.state.ledger, "uid-d")
    assert not has_counted(told.state.ledger, "uid-e")


@pytest.mark.parametrize(
    ("fact", "reason", "message"),
    [
        (decision(params={"copies": "two"}), "InvalidParams", 'copies: got "two"; expected an integer of 64 bits'),
        (decision(), "InvalidParams", "copies: is required: an integer of 64 bits; create another"),
        (decision(params={"copies": 0}), "InvalidParams", "copies: got 0; expected at least 1"),
        (decision(params={"copies": 1, "team": "green"}), "InvalidParams", 'team: got "green"; expected one of'),
        (decision(params={"copies": 1, "size": 2}), "InvalidParams", 'unknown param "size"'),
        (
            decision(params={"copies": 1}, by="a" * 4200),
            "InvalidParams",
            "at most 4,095 are allowed",
        ),
        (decision(params={"copies": 1}, index=2), "UnknownItem", "task ask has no item 2"),
        (decision(params={"copies": 1}, edited=True), "Edited", "its spec was changed after it was created"),
    ],
)
def test_a_bad_decision_is_refused_with_a_sentence_and_the_task_goes_on_waiting(
    fact: ApprovalFact, reason: str, message: str
):
    told = asking(TEAM, COPIES)
    decided(told, fact)
    assert (told.letters, answers(told)) == ("WP", {"d": (False, reason)})
    assert message in sentence(told)
    decided(told, fact, decision("e", params={"copies": 1}))
    assert told.letters == "SI"


def test_a_rejection_needs_no_params():
    told = asking(COPIES)
    decided(told, decision(approved=False, params={"nonsense": 1}))
    assert told.letters[0] == "F"


@pytest.mark.parametrize(
    ("task", "reason", "message"),
    [
        ("askk", "UnknownTask", 'the run has no task "askk"; did you mean "ask"?'),
        ("first", "NotWaiting", "task first asks for no decision"),
        ("ask", "NotWaiting", "task ask does not wait for a decision: it is Pending"),
    ],
)
def test_a_decision_for_what_does_not_wait_is_refused_and_never_counts(task: str, reason: str, message: str):
    told = Story(graph_of(pod("first"), {"name": "ask", "needs": ["first"], "approval": {}}))
    told.step()
    decided(told, decision(), task=task)
    assert (told.letters, answers(told), sentence(told)) == ("IP", {"d": (False, reason)}, message)


def test_a_decision_on_a_task_that_was_skipped_says_so():
    told = Story(graph_of({"name": "ask", "when": "false", "approval": {}}, pod("other")))
    told.step()
    decided(told, decision())
    assert sentence(told) == "task ask does not wait for a decision: it is Skipped"


def test_a_run_that_is_cancelled_takes_no_decision():
    told = asking()
    told.desired = "Cancelled"
    decided(told, decision())
    assert (told.letters, answers(told)) == ("ZZ", {"d": (False, "NotWaiting")})


def test_promised_outputs_are_checked():
    ask = {"name": "ask", "approval": {}, "outputs": [{"name": "ticket"}]}
    told = Story(graph_of(ask))
    told.step()
    decided(told, decision())
    assert (told.letters, told.row("ask")["reason"]) == ("F", "OutputInvalid")


# Time


@pytest.mark.parametrize(
    ("policy", "letters", "message"),
    [
        ({}, "FU", "nobody decided within 60 s"),
        ({"onTimeout": "Fail"}, "FU", "nobody decided within 60 s"),
        ({"onTimeout": "Approve"}, "SI", "nobody decided within 60 s: approved, as onTimeout says"),
        ({"onTimeout": "Skip"}, "KK", "nobody decided within 60 s"),
    ],
)
def test_what_happens_when_nobody_decides(policy: dict[str, Any], letters: str, message: str):
    told = asking(TEAM, timeoutSeconds=60, **policy)
    told.reload()
    told.step(59)
    assert (told.letters, told.plan.wake_at) == ("WP", START + 60)
    told.step(1)
    assert told.letters == letters
    row = told.row("ask")
    assert (row["reason"], row["message"]) == ("TimedOut", message)
    decided(told, decision())
    if letters == "SI":
        outputs = {"team": "red", "decision": "Approved", "by": "", "comment": "nobody decided within 60 s"}
        assert told.plan.status["outputs"]["ask"] == outputs
        assert answers(told) == {"d": (False, "NotWaiting")}


def test_a_decision_that_is_there_when_time_is_up_counts():
    told = asking(timeoutSeconds=60)
    decided(told, decision(), seconds=100)
    assert told.letters == "SI"


# Retries of the run


def test_a_decision_counts_once_though_the_run_is_tried_again():
    retry = {"limit": 2, "delaySeconds": 10}
    told = Story(graph_of({"name": "ask", "approval": {}}, retry=retry))
    told.step()
    decided(told, decision("a", approved=False))
    assert told.letters == "F"
    told.step(10)
    assert told.letters == "W", "the rejection of the first attempt does not count for the second"
    assert answers(told) == {"a": (True, "Rejected")}
    told.reload()
    decided(told, decision("a", approved=False), decision("b", approved=False))
    assert told.letters == "F"
    told.step(10)
    assert told.letters == "W"
    decided(told, decision("a", approved=False), decision("b", approved=False), decision("c"))
    assert (told.letters, told.condition) == ("S", ("True", "Completed"))
    assert [len(row) for row in told.plan.status["ledger"]["decided"]] == [4]


# Many


def test_of_many_questions_a_few_are_named():
    told = Story(graph_of(*({"name": f"a{n}", "approval": {}} for n in range(100))))
    told.step()
    assert told.plan.status["why"].startswith(
        "a0, a1, a2 and 97 more wait for decisions (a decision is asked for): who"
    )


# Flows that nobody could answer


@pytest.mark.parametrize(
    ("approval", "place", "message"),
    [
        ({"params": [{"name": "by"}]}, "name", '"by" is among the outputs of every approval'),
        ({"params": [{"name": "a"}, {"name": "a"}]}, "name", '"a" is named twice'),
        ({"params": [{"name": "a", "type": "secret"}]}, "type", "is a secret"),
        ({"params": [{"name": "a", "pattern": "("}]}, "pattern", "is not a regular expression"),
        ({"params": [{"name": "a", "type": "integer", "default": "x"}]}, "default", "expected an integer"),
        ({"params": [{"name": "a", "default": "$[[ tasks.b ]]"}]}, "default", 'there is no task "b"'),
        ({"onTimeout": "Skip"}, "onTimeout", "needs timeoutSeconds"),
        ({"onTimeout": "Approve", "timeoutSeconds": 1, "params": [{"name": "a"}]}, "name", "it needs a default"),
        ({"message": "$[[ params.x ]]"}, "message", 'params has no "x"'),
    ],
)
def test_what_nobody_could_answer_is_found_in_the_flow(approval: dict[str, Any], place: str, message: str):
    graph, found = compile_flow(FlowSpec.model_validate({"tasks": [{"name": "ask", "approval": approval}]}))
    assert graph is None
    assert any(finding.keys[-1] == place and message in finding.message for finding in found), found
