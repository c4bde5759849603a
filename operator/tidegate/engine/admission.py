"""What a run takes, fixed before anything of it starts: the values of its params."""

from collections.abc import Mapping
from typing import Any

from tidegate.engine import params as parameters
from tidegate.engine.findings import Finding
from tidegate.engine.graph import Graph
from tidegate.engine.run import Run
from tidegate.engine.templating import render
from tidegate.errors import ExpressionError


def resolve_params(graph: Graph, run: Run, given: Mapping[str, Any]) -> tuple[dict[str, Any], list[Finding]]:
    """Give the values of all params of a run, and everything that is wrong with them."""
    context = {"run": run.context()}
    defaults: dict[str, Any] = {}
    found: list[Finding] = []
    for name, default in graph.defaults.items():
        try:
            defaults[name] = None if name in given else render(default, context)
        except ExpressionError as error:
            found.append(Finding(("spec", "params", name), f"its default fails: {error}"))
    values, more = parameters.resolve(graph.spec.params, given, defaults)
    return values, found + more
