"""The sandbox through the client that users' own programs use: the `kubernetes` package."""

import asyncio

import pytest
from kubernetes import client, config, watch

from tidegate.api.crd import crds
from tidegate.cli.embedded import admit
from tidegate.sandbox.sandbox import Sandbox

OURS = ("tidegate.dev", "v1alpha1", "default")
FLOW = {
    "apiVersion": "tidegate.dev/v1alpha1",
    "kind": "Flow",
    "metadata": {"name": "hello"},
    "spec": {"tasks": [{"name": "a", "set": {"x": 1}}]},
}


async def test_custom_objects_are_created_watched_refused_and_deleted():
    async with Sandbox(crds=crds(), admit=admit) as sandbox:
        api = client.CustomObjectsApi(config.new_client_from_config_dict(sandbox.kubeconfig()))
        await asyncio.to_thread(_live_with_a_flow, api)


def _live_with_a_flow(api: client.CustomObjectsApi) -> None:
    created = api.create_namespaced_custom_object(*OURS, "flows", FLOW)
    assert created["status"] == {"observedGeneration": -1}
    seen = next(watch.Watch().stream(api.list_namespaced_custom_object, *OURS, "flows", timeout_seconds=5))
    assert (seen["type"], seen["object"]["metadata"]["uid"]) == ("ADDED", created["metadata"]["uid"])
    bad = {**FLOW, "metadata": {"name": "bad"}, "spec": {"tasks": [{"name": "a"}]}}
    with pytest.raises(client.ApiException, match="exactly one body") as refused:
        api.create_namespaced_custom_object(*OURS, "flows", bad)
    assert refused.value.status == 422
    api.delete_namespaced_custom_object(*OURS, "flows", "hello")
    assert api.list_namespaced_custom_object(*OURS, "flows")["items"] == []
