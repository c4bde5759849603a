"""Pods read live: whether one may still run. Seen ones are `observing.py`'s."""

from tidegate.kube.client import Client
from tidegate.kube.resources import PODS

_ENDED = ("Succeeded", "Failed")


async def has_live_pod(client: Client, namespace: str, labels: str) -> bool:
    """Whether one of the pods that a label selector matches may still run."""
    pods = (await client.list(PODS, namespace, labels=labels)).items
    return any((pod.get("status") or {}).get("phase") not in _ENDED for pod in pods)
