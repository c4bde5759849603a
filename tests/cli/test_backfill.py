"""`tidegate backfill` against an API server: the one that `tidegate dev` serves, with its real operator."""

import asyncio
import json

import pytest

from cli.commands import served, tidegate
from tidegate.cli.connection import Where, connect
from tidegate.kube.resources import BACKFILLS, FLOWRUNS

FLOW = """
apiVersion: tidegate.dev/v1alpha1
kind: Flow
metadata: {name: nightly}
spec:
  params: [{name: region, type: string, default: none}, {name: "n", type: integer, default: 1}]
  history: {succeeded: 100, failed: 100}
  triggers:
  - name: berlin
    cron: {schedules: ["30 2 * * *"], timeZone: Europe/Berlin}
    params: {region: "eu-$[[ run.date ]]"}
    when: run.scheduledTime.getDayOfWeek(run.timeZone) != 1
  tasks:
  - {name: a, set: {region: "$[[ params.region ]]", "n": "$[[ params.n ]]", from: "$[[ run.interval.start ]]"}}
  - {name: b, needs: [a], when: params.n == 2, fail: {message: two}}
  outputs: [{name: seen, value: "$[[ tasks.a.outputs ]]"}]
"""
MARCH = ("--trigger", "berlin", "--from", "2026-03-27", "--to", "2026-03-31T02:00:00+02:00")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dev")
    (folder / "nightly.yaml").write_text(FLOW)
    with served(folder, "nightly.yaml") as (_, kubeconfig):

        def call(*args):
            return tidegate(*args, cwd=folder, KUBECONFIG=str(kubeconfig))

        async def listed(resource):
            async with connect(Where(kubeconfig=str(kubeconfig))) as connection:
                return (await connection.client.list(resource, "default")).items

        call.objects = lambda resource: asyncio.run(listed(resource))
        yield call


def test_a_dry_run_lists_the_instants_then_a_backfill_runs_them_then_they_are_there(cluster):
    code, stdout, stderr = cluster("backfill", "nightly", *MARCH, "--dry-run")
    assert code == 0, stderr
    lines = [line.split() for line in stdout.splitlines()]
    assert [(line[1], line[5], line[6]) for line in lines[1:-1]] == [
        ("2026-03-27", "2026-03-27T01:30:00Z", "Run"),
        ("2026-03-28", "2026-03-28T01:30:00Z", "Run"),
        ("2026-03-29", "2026-03-29T01:00:00Z", "Run"),
        ("2026-03-30", "2026-03-30T00:30:00Z", "Skip"),
    ]
    assert stdout.endswith("4 instants: 3 Run, 1 Skip, 0 Fail\n")
    assert cluster.objects(FLOWRUNS) == []

    code, stdout, stderr = cluster("backfill", "nightly", *MARCH, "--name", "march", "-p", "n=3", "--wait")
    assert (code, stdout) == (0, "Completed: 3 instants ran well, 1 skipped\n"), stderr
    (backfill,) = cluster.objects(BACKFILLS)
    assert backfill["status"]["progress"] == "4/4"
    assert backfill["status"]["counts"] == {"total": 4, "running": 0, "succeeded": 3, "failed": 0, "skipped": 1}
    runs = {run["spec"]["trigger"]["time"]: run for run in cluster.objects(FLOWRUNS)}
    assert [run["status"]["runOutputs"]["seen"] for _, run in sorted(runs.items())] == [
        {"region": "eu-2026-03-27", "n": 3, "from": "2026-03-26T01:30:00Z"},
        {"region": "eu-2026-03-28", "n": 3, "from": "2026-03-27T01:30:00Z"},
        {"region": "eu-2026-03-29", "n": 3, "from": "2026-03-28T01:30:00Z"},
    ]
    assert {run["metadata"]["labels"]["tidegate.dev/backfill"] for run in runs.values()} == {"march"}

    code, stdout, _ = cluster("backfill", "nightly", *MARCH, "--newest-first", "--dry-run", "-o", "json")
    assert [row["time"][:10] for row in json.loads(stdout)] == ["2026-03-30", "2026-03-29", "2026-03-28", "2026-03-27"]
    assert json.loads(stdout)[1]["why"] == f"it has run {runs['2026-03-29T01:00:00Z']['metadata']['name']}"


def test_what_failed_is_told_and_done_again_by_another(cluster):
    may = ("nightly", "--trigger", "berlin", "--from", "2026-05-05", "--to", "2026-05-08", "--parallelism", "3")
    code, stdout, _ = cluster("backfill", *may, "-p", "n=2", "--wait")
    assert code == 1
    assert stdout.startswith("RunsFailed: 3 of 3 instants failed; the last: run nightly-202605")
    code, stdout, _ = cluster("backfill", *may, "--reprocess", "Failed", "--wait")
    assert (code, stdout) == (0, "Completed: 3 instants ran well\n")
    code, stdout, _ = cluster("backfill", *may, "--reprocess", "Failed", "--wait")
    assert (code, stdout) == (0, "Completed: 0 instants ran well, 3 skipped\n")


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (["nigthly", *MARCH], 'there is no Flow "nigthly" in namespace default'),
        (["nightly", "--trigger", "berlim", "--from", "2026-03-01"], 'no trigger "berlim"; did you mean "berlin"?'),
        (["nightly", "--trigger", "berlin", "--from", "2026-03-02", "--to", "2026-03-01"], "is not before --to"),
        (["nightly", "--trigger", "berlin", "--from", "2026-03-02", "--to", "2126-03-01"], "has not come"),
        (["nightly", "--trigger", "berlin", "--from", "yesterday"], "--from: 'yesterday' is not a time"),
        (["nightly", *MARCH, "-p", "regoin=x"], 'spec.params.regoin: unknown param "regoin"; did you mean "region"?'),
        (["nightly", *MARCH, "-p", "n=x"], 'spec.params.n: got "x"; expected'),
        (
            ["nightly", "--trigger", "berlin", "--from", "1980-01-01"],
            "from 1980-01-01T00:00:00Z to",
        ),
    ],
)
def test_what_makes_no_sense_is_told_before_anything_is_created(cluster, args, told):
    before = cluster.objects(BACKFILLS)
    code, stdout, stderr = cluster("backfill", *args)
    assert (code, stdout) == (2, "")
    assert told in stderr
    assert cluster.objects(BACKFILLS) == before
