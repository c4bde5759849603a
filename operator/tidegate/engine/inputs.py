"""The inputs of one attempt: a task's body with its expressions evaluated."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tidegate.engine import bodies
from tidegate.engine.expressions import Template
from tidegate.engine.graph import Graph, Node
from tidegate.engine.templating import render, render_text


@dataclass(frozen=True, slots=True)
class SecretKey:
    """A key of a Secret that an env variable takes; its value is never read by us."""

    name: str
    key: str


@dataclass(frozen=True, slots=True)
class Inputs:
    """What a Job is made of besides its names. Text is final: `$(NAME)` in values from data is already escaped."""

    image: str | None
    args: tuple[str, ...] | None
    env: tuple[tuple[str, str | SecretKey | Mapping[str, Any]], ...]
    resources: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Call:
    """What a child run is made of besides its names: the Flow it runs, and its params.

    `detached` when nobody waits for it; `depth` is how many runs it is below one that nobody called; `root` is what
    the idempotency keys of its tasks are made from, the same for each attempt at this piece of work.
    """

    flow: str
    params: Mapping[str, Any]
    detached: bool
    depth: int
    root: str


def render_inputs(graph: Graph, node: Node, context: Mapping[str, Any]) -> Inputs:
    """Evaluate a pod task's body.

    Raises:
        ExpressionError: an expression fails on the data.
    """
    compiled = node.inputs
    image, args = compiled["image"], compiled["args"]
    return Inputs(
        image=render_text(image, context) if image is not None else None,
        args=tuple(_escaped(value, context) for value in args) if args is not None else None,
        env=tuple(_env(graph, node, context)),
        resources=_quantities(render(compiled["resources"], context)),
    )


def _env(graph: Graph, node: Node, context: Mapping[str, Any]) -> list[tuple[str, str | SecretKey | Mapping[str, Any]]]:
    secrets = frozenset(p.name for p in graph.spec.params if p.type == "secret")
    rows: list[tuple[str, str | SecretKey | Mapping[str, Any]]] = []
    for variable, value in zip(node.task.env or (), node.inputs["env"], strict=True):
        secret = bodies.secret_param(value, secrets)
        if secret is not None:
            reference = context["params"][secret]
            rows.append((variable.name, SecretKey(reference["name"], reference["key"])))
        elif variable.value_from is not None:
            rows.append((variable.name, variable.value_from))
        else:
            rows.append((variable.name, _escaped(value, context) if value is not None else ""))
    return rows


def _escaped(value: Any, context: Mapping[str, Any]) -> str:
    """Evaluate a template so that Kubernetes expands `$(NAME)` only where the author wrote it, not where data bring it.

    In Kubernetes `$$` is an escaped dollar.
    """
    if not isinstance(value, Template):
        return str(value)
    text = ""
    for part in value.parts:
        if isinstance(part, str):
            text += part
        else:
            dangling = len(text) - len(text.rstrip("$"))
            text += "$" * (dangling % 2) + Template(value.text, (part,)).render_text(context).replace("$", "$$")
    return text


def _quantities(resources: Any) -> Mapping[str, Any] | None:
    """Make numbers in requests and limits the strings Kubernetes wants."""
    if not resources:
        return None
    return {
        field: {name: str(amount) for name, amount in amounts.items()} if isinstance(amounts, dict) else amounts
        for field, amounts in resources.items()
    }
