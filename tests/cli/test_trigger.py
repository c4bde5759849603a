"""`tidegate trigger test`: what a trigger would do with an event, without a cluster."""

import json

import pytest
from click.testing import CliRunner

from tidegate.cli.main import main

FLOW = """\
apiVersion: tidegate.dev/v1alpha1
kind: Flow
metadata: {name: report}
spec:
  params:
    - {name: rows, type: integer, maximum: 100}
    - {name: day, type: date, default: "$[[ run.date ]]"}
  triggers:
    - name: loaded
      flow: {flows: [load, clean]}
      when: event.run.completionTime - event.run.startTime < duration("1h")
      params: {rows: "$[[ event.run.outputs.rows ]]"}
      labels: {of: "$[[ event.run.flow ]]"}
    - name: both
      flow: {flows: [load, clean], all: true}
      params: {rows: "$[[ event.runs.load.outputs.rows + event.runs.clean.outputs.rows ]]"}
    - {name: nightly, cron: {schedules: ["@daily"]}, params: {rows: 1}}
    - name: pushed
      webhook: {secretRef: {name: hook, key: token}}
      params: {rows: "$[[ event.data.rows ]]"}
      labels: {at: "$[[ event.time.getFullYear() ]]"}
  tasks: [{name: a, set: {x: 1}}]
"""
RUN = {
    "flow": "load",
    "startTime": "2026-05-20T11:30:00Z",
    "completionTime": "2026-05-20T12:00:00Z",
    "outputs": {"rows": 42},
}


@pytest.fixture
def ask(tmp_path):
    (tmp_path / "flow.yaml").write_text(FLOW)

    def asking(event, *args):
        (tmp_path / "event.json").write_text(event if isinstance(event, str) else json.dumps(event))
        files = [str(tmp_path / "flow.yaml"), "--event", str(tmp_path / "event.json")]
        result = CliRunner().invoke(main, ["trigger", "test", *files, "--at", "2026-05-20T12:00:00", *args])
        return result.exit_code, result.stdout, result.stderr

    return asking


def test_what_the_run_would_get_is_told(ask):
    code, out, _ = ask({"run": RUN}, "--trigger", "loaded")
    assert code == 0
    assert out.splitlines() == [
        "trigger loaded of Flow report would start a run with",
        "  param rows: 42",
        '  param day: "2026-05-20"',
        "  label of: load",
    ]


def test_a_set_is_an_event_with_runs_by_the_names_of_their_flows(ask):
    event = {"runs": {"load": RUN, "clean": {**RUN, "flow": "clean"}}}
    code, out, _ = ask(event, "--trigger", "both", "-o", "json")
    assert (code, json.loads(out)) == (
        0,
        [
            {
                "flow": "report",
                "trigger": "both",
                "starts": True,
                "message": "",
                "params": {"rows": 84, "day": "2026-05-20"},
                "labels": {},
            }
        ],
    )


def test_the_event_of_a_webhook_is_what_its_expressions_see(ask):
    code, out, _ = ask({"id": "1", "time": "2025-01-01T00:00:00Z", "data": {"rows": 3}}, "--trigger", "pushed")
    assert code == 0
    assert out.splitlines()[1:] == ["  param rows: 3", '  param day: "2026-05-20"', "  label at: 2025"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"startTime": "2026-05-20T10:00:00Z"}, "when is false: event.run.completionTime - event.run.startTime"),
        ({"outputs": {"rows": 101}}, "the run would end InvalidParams: param rows"),
        ({"outputs": {}}, "rows"),
    ],
)
def test_why_no_run_would_start_is_told(ask, change, words):
    code, out, _ = ask({"run": {**RUN, **change}}, "--trigger", "loaded")
    assert code == 3
    assert out.startswith("trigger loaded of Flow report would start no run: ")
    assert words in out


@pytest.mark.parametrize(
    ("event", "args", "words"),
    [
        ("{", (), "expected JSON"),
        ("[" * 100_000, (), "expected JSON"),
        ({"run": {"rows": 1}}, (), 'event.run: there is no "rows"'),
        ({"runs": {}}, (), 'event: there is no "runs"; did you mean "run"?'),
        ({"run": {**RUN, "startTime": "noon"}}, (), "event.run.startTime: expected a time such as"),
        ({"run": {**RUN, "name": 1}}, (), "event.run.name: expected text; found 1"),
        ({"run": 1}, (), "event.run: expected an object with name, uid, flow"),
        ({"run": RUN}, ("--trigger", "nightly"), "trigger nightly takes no event: it is a schedule"),
        (
            {"run": RUN},
            ("--trigger", "loadde"),
            'there is no trigger named "loadde" in what was given; there is loaded',
        ),
    ],
)
def test_a_mistake_in_what_is_given_is_told(ask, event, args, words):
    code, _, err = ask(event, *(args or ("--trigger", "loaded")))
    assert code == 2
    assert words in err
    assert "Traceback" not in err


def test_a_trigger_that_follows_its_own_flow_is_refused(tmp_path):
    path = tmp_path / "flow.yaml"
    path.write_text(FLOW.replace("flows: [load, clean]}", "flows: [load, report]}"))
    result = CliRunner().invoke(main, ["validate", str(path)])
    assert result.exit_code == 2
    assert f"{path}:10:28" in result.stderr + result.stdout
    assert "is this Flow itself" in result.stderr + result.stdout
