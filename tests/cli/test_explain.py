"""`tidegate explain`: what would run, what would be skipped and why, decided by the production engine."""

import json
import textwrap

import pytest
from click.testing import CliRunner

from tidegate.cli.main import main

FLOW = textwrap.dedent("""
    apiVersion: tidegate.dev/v1alpha1
    kind: Flow
    metadata: {name: nightly}
    spec:
      params: [{name: region, type: string, default: eu, enum: [eu, us]}]
      tasks:
      - {name: list, image: busybox, retry: {limit: 2, delaySeconds: [1, 5]}}
      - {name: load, needs: [list], image: busybox, args: ["$[[ tasks.list.outputs.files[0] ]]"]}
      - {name: alert, needs: [load], runWhen: AnyFailed, image: busybox}
      - {name: us, needs: [list], when: "params.region == 'us'", image: busybox}
      - {name: pause, needs: [load], wait: {seconds: 3600}}
      - {name: each, image: busybox, forEach: {items: [1, 2]}}
      finally:
      - {name: tidy, image: busybox, args: ["$[[ run.reason ]]"]}
      outputs: [{name: "n", value: "$[[ tasks.list.outputs.n ]]"}]
""")
KNOWN = ("--output", 'list.files=["a"]', "--output", "list.n=3")


def explained(*args: str, code: int):
    result = CliRunner().invoke(main, ["explain", "-", "-o", "json", *args], input=FLOW)
    assert result.exit_code == code, result.output
    return json.loads(result.stdout)


def states(told) -> dict[str, str]:
    return {task["name"]: task["state"] for task in told["tasks"]}


def test_a_run_that_goes_well_is_told_with_its_outputs_and_times():
    told = explained(*KNOWN, code=0)
    assert states(told) == {
        "list": "Succeeded",
        "load": "Succeeded",
        "alert": "Skipped",
        "us": "Skipped",
        "pause": "Succeeded",
        "each": "Succeeded",
        "tidy": "Succeeded",
    }
    assert told["outputs"] == {"n": 3}
    assert [told["tasks"][1][key] for key in ("beginsSeconds", "endsSeconds")] == [60, 120]
    assert (told["seconds"], told["assumedSeconds"]) == (3780, 60)
    assert told["tasks"][3]["message"] == "params.region == 'us' is false"


def test_params_change_what_would_run():
    assert states(explained(*KNOWN, "-p", "region=us", code=0))["us"] == "Succeeded"


def test_a_failure_is_played_through_with_its_retries_and_handlers():
    told = explained("--outcome", "list=Failed", code=3)
    assert (told["tasks"][0]["state"], told["tasks"][0]["attempts"]) == ("Failed", 3)
    assert states(told)["alert"] == "Succeeded"
    assert told["outcome"]["reason"] == "TaskFailed"


def test_outputs_that_are_not_known_are_asked_for():
    result = CliRunner().invoke(main, ["explain", "-"], input=FLOW)
    assert result.exit_code == 3
    assert "\nOutputs of list are not known here: give --output list.KEY=VALUE\n" in result.stdout


def test_text_says_why_a_task_begins():
    result = CliRunner().invoke(main, ["explain", "-", *KNOWN], input=FLOW)
    lines = {line.split()[0]: " ".join(line.split()) for line in result.stdout.splitlines() if line}
    assert lines["load"] == "load Succeeded +1m +2m AllSucceeded of list"
    assert lines["tidy"].endswith("finally: all tasks have ended")
    assert "The run would succeed after 1h3m: Completed: 5 tasks succeeded, 2 skipped" in result.stdout


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("--outcome", "lits=Failed"), 'there is no task "lits"; did you mean "list"?'),
        (("--outcome", "list=Broken"), 'got "Broken"; expected Succeeded or Failed'),
        (("--outcome", "pause=Failed"), "it has no container"),
        (("--outcome", "list"), "--outcome 'list': expected TASK=OUTCOME"),
        (("--outcome", "list=Failed", "--outcome", "list=Failed"), "--outcome list: given twice"),
        (("--outcome", "list[0]=Failed"), "--outcome list[0]: task list has no forEach, and so no items"),
        (("--outcome", "each[x]=Failed"), "--outcome each[x]: expected the number of an item, such as each[0]"),
        (("--outcome", "each[2]=Failed"), "--outcome each[2]: there is no such item; the last is each[1]"),
        (("--output", "list=3"), "expected TASK.KEY=VALUE"),
        (("--duration", "lits=3"), 'there is no task "lits"; did you mean "list"?'),
        (("--duration", "pause=3"), "--duration pause: it has no container; how long it takes is in the Flow"),
        (("--duration", "list=soon"), '--duration list: got "soon"; expected seconds, or such as 90s, 5m, 1h30m'),
        (("--duration", "list=-1"), '--duration list: got "-1"; expected seconds'),
        (("--duration", "list=nan"), '--duration list: got "nan"; expected seconds'),
        (("--duration", "list=9000h"), "up to a year"),
        (("--rerun", "Some"), '--rerun: got "Some"; expected Failed, All, or From:TASK (several with commas)'),
        (("--rerun", "Failed:list"), '--rerun: got "Failed:list"; expected'),
        (("--rerun", "From"), '--rerun: got "From"; expected'),
        (("--rerun", "From:"), "--rerun: mode From needs tasks"),
        (("--rerun", "From:lits"), 'has no task "lits"; did you mean "list"?'),
        (("--rerun", "From:tidy"), '"tidy" is a task of finally: those run in every rerun'),
        (("--then-outcome", "list=Failed"), "give --rerun"),
        (("--rerun", "Failed", "--then-duration", "list=x"), '--then-duration list: got "x"; expected seconds'),
        (("--rerun", "All", "--then-outcome", "each[7]=Failed"), "--then-outcome each[7]: there is no such item"),
        (("-p", "region=mars"), "--param region"),
    ],
)
def test_a_mistake_on_the_command_line_is_told(args: tuple[str, ...], message: str):
    result = CliRunner().invoke(main, ["explain", "-", *args], input=FLOW)
    assert result.exit_code == 2
    assert message in result.stderr


APPROVAL = textwrap.dedent("""
    apiVersion: tidegate.dev/v1alpha1
    kind: Flow
    metadata: {name: release}
    spec:
      tasks:
      - {name: signOff, approval: {message: Shall it go out?, timeoutSeconds: 3600}}
      - {name: publish, needs: [signOff], image: busybox}
""")


@pytest.mark.parametrize(
    ("decision", "reason", "publish"),
    [
        ("Approved", "Completed", "Succeeded"),
        ("Rejected", "TaskFailed", "Skipped"),
        ("TimedOut", "TaskFailed", "Skipped"),
    ],
)
def test_an_approval_is_decided_as_is_assumed(decision: str, reason: str, publish: str):
    args = ["explain", "-", "-o", "json", "--outcome", f"signOff={decision}"]
    told = json.loads(CliRunner().invoke(main, args, input=APPROVAL).stdout)
    assert (told["outcome"]["reason"], states(told)["publish"]) == (reason, publish)


SENSOR = textwrap.dedent("""
    apiVersion: tidegate.dev/v1alpha1
    kind: Flow
    metadata: {name: sensor}
    spec:
      tasks:
      - name: ready
        wait:
          for: {group: apps, resource: deployments, name: web, CHECK}
          timeoutSeconds: 600
      - {name: call, needs: [ready], flow: {name: other, params: {count: 1}}}
      - {name: use, needs: [call], set: {rows: "$[[ tasks.call.outputs.rows ]]"}}
""")


@pytest.mark.parametrize("check", ["condition: Available", 'when: "object.spec.replicas > 2"'])
@pytest.mark.parametrize(
    ("args", "code", "states_", "words"),
    [
        ((), 0, ["Succeeded", "Succeeded", "Succeeded"], "3 tasks succeeded"),
        (("--outcome", "ready=Met"), 0, ["Succeeded", "Succeeded", "Succeeded"], "3 tasks succeeded"),
        (
            ("--outcome", "ready=TimedOut"),
            3,
            ["Failed", "Skipped", "Skipped"],
            'waited 600 s in vain; at last NotYet: deployments.apps "web" is assumed not to become as it should be',
        ),
        (("--outcome", "call=Failed"), 3, ["Succeeded", "Failed", "Skipped"], "its child run ended TaskFailed"),
    ],
)
def test_what_tasks_wait_for_and_call_is_assumed(
    check: str, args: tuple[str, ...], code: int, states_: list[str], words: str
):
    known = ("-o", "json", "--output", "call.rows=3")
    text = SENSOR.replace("CHECK", check)
    result = CliRunner().invoke(main, ["explain", "-", *known, *args], input=text)
    assert result.exit_code == code, result.output
    told = json.loads(result.stdout)
    assert list(states(told).values()) == states_
    assert words in told["outcome"]["message"]


def test_a_wait_without_a_time_out_that_is_never_met_is_told_as_such():
    text = SENSOR.replace("CHECK", "condition: Available").replace("timeoutSeconds: 600", "")
    result = CliRunner().invoke(main, ["explain", "-", "--outcome", "ready=TimedOut"], input=text)
    assert result.exit_code == 3
    assert 'The run would wait: ready waits: deployments.apps "web" is assumed not to become' in result.stdout


def printed(*args: str, flow: str = FLOW, code: int = 0) -> list[str]:
    result = CliRunner().invoke(main, ["explain", "-", *args], input=flow)
    assert result.exit_code == code, result.output
    return result.stdout.splitlines()


def test_durations_are_taken_as_people_write_them():
    told = explained(*KNOWN, "--duration", "list=1.5", "--duration", "load=1h30m", "--duration", "tidy=90", code=0)
    times = {task["name"]: (task["beginsSeconds"], task["endsSeconds"]) for task in told["tasks"]}
    assert times["list"] == (0, 1.5)
    assert times["load"] == (1.5, 5401.5)
    assert times["tidy"] == (9001, 9091)  # a wait ends at a whole second


def test_columns_are_aligned_and_times_short():
    lines = printed(*KNOWN, "--duration", "load=5400")
    head = lines[0]
    assert head.split() == ["TASK", "WHAT", "BECOMES", "OF", "IT", "BEGINS", "ENDS", "WHY"]
    columns = [head.index(word) for word in ("WHAT", "BEGINS", "ENDS", "WHY")]
    for line in lines[1 : lines.index("")]:
        assert all(line[column - 1] == " " for column in columns), line
    load = next(line for line in lines if line.startswith("load"))
    assert load.split() == ["load", "Succeeded", "+1m", "+1h31m", "AllSucceeded", "of", "list"]


LATE = """
apiVersion: tidegate.dev/v1alpha1
kind: Flow
metadata: {name: late}
spec:
  deadlineSeconds: 30
  tasks:
  - {name: a, image: busybox, timeoutSeconds: 20}
  - {name: b, needs: [a], image: busybox}
"""


@pytest.mark.parametrize(
    ("args", "flow", "code", "last"),
    [
        ((), LATE, 0, "Assumed: what has no --duration takes 10s, so that the run can keep its deadline of 30s"),
        (
            ("--duration", "b=1h"),
            LATE,
            3,
            "Assumed: what has no --duration takes no time, and still the run does not keep its deadline",
        ),
        (
            (),
            LATE.replace("30", "3000"),
            0,
            "Assumed: what has no --duration takes 1m, or as much as its own timeout allows",
        ),
        (("--duration", "a=1"), LATE.replace("30", "3000"), 0, "Assumed: what has no --duration takes 1m"),
        (
            ("--duration", "a=1", "--duration", "b=2"),
            LATE,
            0,
            "The run would succeed after 3s: Completed: 2 tasks succeeded",
        ),
    ],
)
def test_what_was_merely_assumed_of_times_is_said(args: tuple[str, ...], flow: str, code: int, last: str):
    assert printed(*args, flow=flow, code=code)[-1] == last


def test_a_rerun_is_told_below_the_run_it_does_again():
    lines = printed(*KNOWN, "--outcome", "load=Failed", "--rerun", "Failed")
    assert lines[:2] == ["The first run:", ""]
    rerun = lines[lines.index("Its rerun, of what did not succeed:") + 2 :]
    words = {line.split()[0]: " ".join(line.split()) for line in rerun if line}
    assert words["TASK"] == "TASK DONE AGAIN? WHAT BECOMES OF IT BEGINS ENDS WHY"
    assert words["list"] == "list no: its result is reused Succeeded"
    assert words["load"] == "load yes: it failed Succeeded +0s +1m AllSucceeded of list"
    assert words["us"] == "us no: it was skipped, and would be again Skipped"
    assert words["alert"].startswith("alert yes: it needs load, which is done again Skipped RuleNotMet")
    assert any(line.startswith("The rerun would succeed after 1h2m: Completed:") for line in rerun)


def test_a_rerun_is_told_to_programs_too():
    then = ("--then-outcome", "load=Failed", "--then-output", "list.n=4", "--then-duration", "load=7")
    told = explained(*KNOWN, "--rerun", "From:list,us", *then, code=0)["rerun"]
    assert (told["mode"], told["from"], told["outputs"]) == ("From", ["list", "us"], {"n": 4})
    assert told["tasks"][1] == {
        "name": "load",
        "state": "Failed",
        "attempts": 1,
        "beginsSeconds": 60,
        "endsSeconds": 67,
        "reason": "ExitCode",
        "message": "exit code 1: as assumed",
        "reused": False,
        "againBecause": "it needs list, which is done again",
    }
    each = next(task for task in told["tasks"] if task["name"] == "each")
    assert (each["reused"], each["againBecause"]) == (True, "")


def test_the_exit_code_is_that_of_the_rerun():
    text = FLOW.replace("runWhen: AnyFailed", "runWhen: AllSucceeded")
    printed(*KNOWN, "--outcome", "load=Failed", flow=text, code=3)
    printed(*KNOWN, "--outcome", "load=Failed", "--rerun", "Failed", flow=text, code=0)
    printed(*KNOWN, "--rerun", "All", "--then-outcome", "load=Failed", flow=text, code=3)


def test_a_run_that_waits_cannot_be_done_again():
    text = APPROVAL.replace(", timeoutSeconds: 3600", "")
    args = ("--outcome", "signOff=TimedOut", "--rerun", "All")
    assert printed(*args, flow=text, code=3)[-1].startswith("A run that waits cannot be done again")
    told = json.loads("\n".join(printed(*args, "-o", "json", flow=text, code=3)))
    assert (told["rerun"], told["seconds"]) == (None, None)


def test_outputs_that_a_task_declares_are_asked_for_by_name():
    text = LATE.replace("timeoutSeconds: 20", "outputs: [{name: rows, type: integer}]")
    assert "Outputs of a are not known here: give --output a.rows=VALUE" in printed(flow=text, code=3)
