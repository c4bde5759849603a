"""An applied schedule fires: the real operator, on the API server that `tidegate dev` serves."""

import asyncio

from cli.commands import served
from tidegate.cli.connection import Where, connect
from tidegate.kube.resources import FLOWRUNS, FLOWS

FLOW = """
apiVersion: tidegate.dev/v1alpha1
kind: Flow
metadata: {name: tick}
spec:
  params: [{name: at, type: datetime}]
  triggers:
  - name: often
    interval: {everySeconds: 1}
    params: {at: "$[[ run.scheduledTime ]]"}
  tasks: [{name: a, set: {at: "$[[ params.at ]]", trigger: "$[[ run.trigger ]]"}}]
  outputs: [{name: seen, value: "$[[ tasks.a.outputs ]]"}]
"""


async def first_ended(kubeconfig):
    async with connect(Where(kubeconfig=str(kubeconfig))) as connection:
        client = connection.client
        async for change in client.watch(FLOWRUNS, "default", resource_version="0"):
            if "completionTime" in (change.object.get("status") or {}):
                return change.object, await client.get(FLOWS, "default", "tick")
    raise AssertionError("the watch ended")


def test_an_applied_schedule_starts_runs_that_know_what_they_are_for(tmp_path):
    (tmp_path / "tick.yaml").write_text(FLOW)
    with served(tmp_path, "tick.yaml") as (_, kubeconfig):
        run, flow = asyncio.run(first_ended(kubeconfig))
    time = run["spec"]["trigger"]["time"]
    assert run["status"]["runOutputs"] == {"seen": {"at": time, "trigger": "often"}}
    assert run["status"]["frozen"]["trigger"] == run["spec"]["trigger"]
    (row,) = flow["status"]["triggers"]
    assert row["handledTime"] >= time
    assert flow["status"]["nextTime"] == row["nextTime"] > row["handledTime"]
