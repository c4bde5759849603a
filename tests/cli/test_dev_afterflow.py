"""The end of a run starts another: the real operator, on the API server that `tidegate dev` serves."""

import asyncio

from cli.commands import served
from tidegate.cli.connection import Where, connect
from tidegate.kube.resources import FLOWRUNS

FLOWS = """
apiVersion: tidegate.dev/v1alpha1
kind: Flow
metadata: {name: load}
spec:
  tasks: [{name: a, set: {rows: 42}}]
  outputs: [{name: rows, value: "$[[ tasks.a.outputs.rows ]]"}]
---
apiVersion: tidegate.dev/v1alpha1
kind: Flow
metadata: {name: report}
spec:
  params: [{name: rows, type: integer}, {name: of, default: ""}]
  triggers:
  - name: loaded
    flow: {flows: [load]}
    params: {rows: "$[[ event.run.outputs.rows ]]", of: "$[[ event.run.name ]]"}
  tasks: [{name: a, set: {rows: "$[[ params.rows ]]"}}]
---
apiVersion: tidegate.dev/v1alpha1
kind: Flow
metadata: {name: last}
spec:
  triggers:
  - name: all
    flow: {flows: [load, report], all: true, withinSeconds: 60}
    labels: {report: '$[[ event.runs.report.name ]]'}
  tasks: [{name: a, set: {x: 1}}]
"""


async def until_last(kubeconfig):
    async with connect(Where(kubeconfig=str(kubeconfig))) as connection:
        client = connection.client
        body = {
            "apiVersion": "tidegate.dev/v1alpha1",
            "kind": "FlowRun",
            "metadata": {"name": "load-1"},
            "spec": {"flowRef": {"name": "load"}, "ttlSecondsAfterFinished": 0},
        }
        await client.create(FLOWRUNS, "default", body)
        ended = {}
        async for change in client.watch(FLOWRUNS, "default", resource_version="0"):
            run = change.object
            if "completionTime" in (run.get("status") or {}) and change.type != "DELETED":
                ended[run["spec"]["flowRef"]["name"]] = run
            if "last" in ended:
                return ended
    raise AssertionError("the watch ended")


def test_runs_follow_each_other_also_when_the_first_is_gone_at_once(tmp_path):
    (tmp_path / "flows.yaml").write_text(FLOWS)
    with served(tmp_path, "flows.yaml") as (_, kubeconfig):
        ended = asyncio.run(until_last(kubeconfig))
    report = ended["report"]
    assert report["status"]["frozen"]["params"] == {"rows": 42, "of": "load-1"}
    assert report["spec"]["trigger"]["chain"] == 1
    assert ended["last"]["spec"]["trigger"]["chain"] == 2
    assert ended["last"]["metadata"]["labels"]["report"] == report["metadata"]["name"]
