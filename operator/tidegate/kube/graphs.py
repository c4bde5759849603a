"""Compiled Flows, kept by what they are made of: many runs share one."""

import json
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from tidegate.api.flow import FlowSpec
from tidegate.api.problems import path_of, problems_of
from tidegate.engine.findings import Finding
from tidegate.engine.graph import Graph, compile_flow
from tidegate.engine.triggers import check_loops
from tidegate.errors import InvalidSpec, Problem

_KEPT = 256


class Graphs:
    """A cache of compiled specs; what is invalid is told again each time it is asked for."""

    def __init__(self, kept: int = _KEPT) -> None:
        self._kept = kept
        self._graphs: OrderedDict[str, Graph] = OrderedDict()

    def compiled(self, spec: Mapping[str, Any]) -> Graph:
        """Give the graph of a spec.

        Raises:
            InvalidSpec: with everything that is wrong.
        """
        content = json.dumps(spec, sort_keys=True)
        graph = self._graphs.get(content)
        if graph is None:
            graph = _compile(spec)
            self._graphs[content] = graph
            if len(self._graphs) > self._kept:
                self._graphs.popitem(last=False)
        self._graphs.move_to_end(content)
        return graph


def _compile(spec: Mapping[str, Any]) -> Graph:
    try:
        parsed = FlowSpec.model_validate(spec, extra="ignore")
    except ValidationError as error:
        raise InvalidSpec(problems_of(error, FlowSpec, prefix=("spec",))) from None
    graph, found = compile_flow(parsed)
    if graph is None:
        raise InvalidSpec([as_problem(finding) for finding in found])
    return graph


def demand_no_loops(name: str, spec: FlowSpec) -> None:
    """See that no trigger of a Flow follows the Flow itself, which its spec alone does not show.

    Raises:
        InvalidSpec: one does.
    """
    if found := check_loops(name, spec):
        raise InvalidSpec([as_problem(finding) for finding in found])


def as_problem(finding: Finding) -> Problem:
    """Give a finding as a problem without a file; the place inside an expression goes into its text."""
    inside = f" (line {finding.line}, column {finding.column})" if finding.line > 1 else ""
    return Problem(0, 0, path_of(finding.keys), f"{finding.message}{inside}")
