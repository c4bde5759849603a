"""An event that is sent to `tidegate dev` starts a run, which the operator beside it takes up."""

import asyncio
import base64
import http.client
import json
import re

from cli.commands import await_line, finish, interrupt, start
from tidegate.cli.connection import Where, connect
from tidegate.kube.resources import FLOWRUNS, SECRETS

FLOW = """
apiVersion: tidegate.dev/v1alpha1
kind: Flow
metadata: {name: hook}
spec:
  params: [{name: count, type: integer}]
  triggers:
  - name: on-event
    webhook: {secretRef: {name: hook, key: token}, verify: Bearer}
    params: {count: "$[[ event.data.count ]]"}
  tasks: [{name: a, set: {count: "$[[ params.count ]]", trigger: "$[[ run.trigger ]]"}}]
  outputs: [{name: seen, value: "$[[ tasks.a.outputs ]]"}]
"""


async def ended(kubeconfig, send):
    async with connect(Where(kubeconfig=str(kubeconfig))) as connection:
        client = connection.client
        data = {"token": base64.b64encode(b"t0ken").decode()}
        await client.create(SECRETS, "default", {"metadata": {"name": "hook"}, "data": data})
        name = (await asyncio.to_thread(send))["run"]
        async for change in client.watch(FLOWRUNS, "default", resource_version="0"):
            if "completionTime" in (change.object.get("status") or {}):
                assert change.object["metadata"]["name"] == name
                return change.object
    raise AssertionError("the watch ended")


def test_an_event_starts_a_run(tmp_path):
    (tmp_path / "hook.yaml").write_text(FLOW)
    process = start("dev", "hook.yaml", cwd=tmp_path, PYTHONUNBUFFERED="1")
    try:
        printed = await_line(process.stdout, "  tidegate logs")
        (port,) = re.findall(r"http://127\.0\.0\.1:(\d+)/hooks", printed)

        def send():
            connection = http.client.HTTPConnection("127.0.0.1", int(port), timeout=30)
            headers = {"Authorization": "Bearer t0ken", "Content-Type": "application/json"}
            connection.request("POST", "/hooks/default/hook/on-event", b'{"count": 7}', headers)
            return json.load(connection.getresponse())

        run = asyncio.run(ended(tmp_path / ".tidegate" / "kubeconfig", send))
    finally:
        interrupt(process)
        code, _, _ = finish(process)
    assert run["status"]["runOutputs"] == {"seen": {"count": 7, "trigger": "on-event"}}
    assert code == 0
