"""Which tasks ask for no CPU or memory: schedulers, quota and autoscalers see nothing of what they need."""

from collections.abc import Iterator, Mapping
from typing import Any

from tidegate.engine.graph import Graph, Node

_NEEDED = ("cpu", "memory")


def without_requests(graph: Graph) -> list[str]:
    """Give the names of the pod tasks of which the container `main` requests no CPU or no memory.

    A limit counts as a request, as Kubernetes takes it; what a LimitRange of the namespace adds is not known here.
    """
    return [node.name for node in graph.nodes if node.task.is_pod and not _asks(graph, node)]


def sentence(names: list[str]) -> str:
    """Say what to do about it."""
    shown = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
    return (
        f"{shown}: no requests for cpu and memory, so that autoscalers and quota cannot know what is needed; "
        "set resources.requests in the tasks or in taskDefaults, unless a LimitRange of the namespace does"
    )


def _asks(graph: Graph, node: Node) -> bool:
    asked = {name for resources in layers(graph, node) for field in resources.values() for name in field or ()}
    return all(name in asked for name in _NEEDED)


def layers(graph: Graph, node: Node) -> Iterator[Mapping[str, Any]]:
    """Give the requests and limits of `main` as a task and its pod templates write them, the uppermost first."""
    yield {field: amounts for field, amounts in (node.task.resources or {}).items() if field in ("requests", "limits")}
    yield from template_layers(graph, node)


def template_layers(graph: Graph, node: Node) -> Iterator[Mapping[str, Any]]:
    """Give those of the pod templates alone."""
    for template in (node.task.pod_template, graph.spec.task_defaults.pod_template):
        containers = ((template or {}).get("spec") or {}).get("containers") or []
        main = next((c for c in containers if c.get("name") == "main"), containers[0] if len(containers) == 1 else {})
        resources = main.get("resources") or {}
        yield {field: amounts for field, amounts in resources.items() if field in ("requests", "limits")}
