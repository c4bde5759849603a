"""`tidegate schedule`: the instants of a file's triggers, without a cluster."""

import json

import pytest
from click.testing import CliRunner

from tidegate.cli.main import main

FLOW = """\
apiVersion: tidegate.dev/v1alpha1
kind: Flow
metadata: {name: etl}
spec:
  triggers:
    - {name: nightly, cron: {schedules: ["30 2 * * *"], timeZone: Europe/Berlin}}
    - {name: noon, suspend: true, cron: {schedules: ["0 12 * * *"]}}
  tasks: [{name: a, set: {x: 1}}]
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "flow.yaml"
    path.write_text(FLOW)
    return str(path)


def schedule(*args):
    result = CliRunner().invoke(main, ["schedule", *args])
    return result.exit_code, result.stdout, result.stderr


def test_the_next_instants_are_told_in_order_and_through_a_clock_change(file):
    code, out, err = schedule(file, "--next", "3", "--from", "2026-03-28T12:00:00Z")
    rows = [line.split() for line in out.splitlines()]
    assert (code, rows[0][:2]) == (0, ["LOCAL", "TIME"])
    assert rows[1:] == [
        ["Sat", "2026-03-28", "12:00:00", "+0000", "UTC", "2026-03-28T12:00:00Z", "etl", "noon"],
        ["Sun", "2026-03-29", "03:00:00", "+0200", "Europe/Berlin", "2026-03-29T01:00:00Z", "etl", "nightly"],
        ["Sun", "2026-03-29", "12:00:00", "+0000", "UTC", "2026-03-29T12:00:00Z", "etl", "noon"],
    ]
    assert err == "suspended: trigger noon of Flow etl starts nothing at these times\n"


def test_one_trigger_in_another_zone(file):
    _, out, _ = schedule(file, "--next", "1", "--trigger", "noon", "--zone", "Asia/Tokyo", "--from", "2026-03-28")
    assert out.splitlines()[1].split()[:5] == ["Sat", "2026-03-28", "21:00:00", "+0900", "Asia/Tokyo"]


def test_as_json_with_the_beginning_of_the_interval(file):
    _, out, _ = schedule(file, "--next", "1", "--trigger", "nightly", "--from", "2026-03-29", "-o", "json")
    assert json.loads(out) == [
        {
            "time": "2026-03-29T01:00:00Z",
            "local": "2026-03-29T03:00:00+02:00",
            "timeZone": "Europe/Berlin",
            "intervalStart": "2026-03-28T01:30:00Z",
            "flow": "etl",
            "trigger": "nightly",
        }
    ]


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--zone", "Europe/Berlim"], '--zone: there is no time zone "Europe/Berlim"; did you mean "Europe/Berlin"?'),
        (["--from", "now"], "--from: 'now' is not a time such as"),
        (["--trigger", "weekly"], "there is no schedule named weekly"),
    ],
)
def test_a_mistake_is_told(file, args, words):
    code, out, err = schedule(file, *args)
    assert (code, out) == (2, "")
    assert words in err


def test_a_webhook_has_no_schedule(tmp_path):
    path = tmp_path / "flow.yaml"
    hook = {"name": "hook", "webhook": {"secretRef": {"name": "s", "key": "k"}}}
    spec = {"tasks": [{"name": "a", "set": {"x": 1}}], "triggers": [hook]}
    flow = {"apiVersion": "tidegate.dev/v1alpha1", "kind": "Flow", "metadata": {"name": "etl"}, "spec": spec}
    path.write_text(json.dumps(flow))
    code, _, err = schedule(str(path))
    assert code == 2
    assert "there is no schedule in what was given: expected a Flow with a cron or an interval" in err


def test_a_mistake_in_a_schedule_is_told_with_its_place(tmp_path):
    path = tmp_path / "flow.yaml"
    path.write_text(FLOW.replace("30 2 * * *", "0 0 31 2 *"))
    code, _, err = schedule(str(path))
    assert (code, err.partition(":")[2]) == (
        2,
        '6:42: spec.triggers[0].cron.schedules[0]: "0 0 31 2 *" names a date that never comes, such as 31 February\n',
    )
