"""Policy: how much memory the attempt after one that ran out of it gets (`retry.onOOM`).

The memory of an attempt follows from what the task says and from how often it ran out so far, a number of the ledger:
nothing else is stored. Requests grow with the limit, or the node would be promised too little.
"""

from dataclasses import replace

from tidegate.api.policies import OnOOM
from tidegate.engine import quantity
from tidegate.engine.draft import Draft
from tidegate.engine.graph import Graph, Node
from tidegate.engine.inputs import Inputs, render_inputs
from tidegate.engine.listing import context_of
from tidegate.engine.requests import template_layers
from tidegate.errors import ExpressionError


def attempt_inputs(draft: Draft, slot: int) -> Inputs:
    """Evaluate the body of a pod task (or item) for its current or next attempt, with the memory that it has come to.

    Raises:
        ExpressionError: an expression fails on the data.
    """
    node = draft.node(slot)
    inputs = render_inputs(draft.graph, node, context_of(draft, slot))
    policy, ooms = node.retry.on_oom, draft.ledger.extra_of(slot).ooms
    return with_memory(draft.graph, node, inputs, policy, ooms) if policy is not None and ooms else inputs


def with_memory(graph: Graph, node: Node, inputs: Inputs, policy: OnOOM, ooms: int) -> Inputs:
    """Give the inputs with the memory of an attempt after so many that ran out of it."""
    resources = {field: dict(amounts) for field, amounts in (inputs.resources or {}).items()}
    for field in ("limits", "requests"):
        base = _memory(graph, node, inputs, field)
        if base is not None:
            resources.setdefault(field, {})["memory"] = quantity.written(_grown(base, policy, ooms))
    return replace(inputs, resources=resources)


def next_limit(draft: Draft, slot: int) -> str | None:
    """Give the memory limit of the attempt after one that ran out now; None when there is no more for it."""
    node = draft.node(slot)
    policy, ooms = node.retry.on_oom, draft.ledger.extra_of(slot).ooms
    if policy is None:
        return None
    try:
        inputs = render_inputs(draft.graph, node, context_of(draft, slot))
    except ExpressionError:  # the attempt could start, so this is a bug of ours at most: then nothing grows
        return None
    base = _memory(draft.graph, node, inputs, "limits")
    if base is None or _grown(base, policy, ooms) >= quantity.parse(policy.max_memory):
        return None
    return quantity.written(_grown(base, policy, ooms + 1))


def _grown(base: int, policy: OnOOM, ooms: int) -> int:
    most = quantity.parse(policy.max_memory)
    return base if base >= most else min(quantity.scaled(base, policy.memory_percent, ooms), most)


def _memory(graph: Graph, node: Node, inputs: Inputs, field: str) -> int | None:
    """Give the memory of `main` before anything grew, in bytes: the uppermost that says so, as templates merge."""
    for resources in (inputs.resources or {}, *template_layers(graph, node)):
        amount = (resources.get(field) or {}).get("memory")
        if amount is not None:
            return _bytes(str(amount))
    return None


def _bytes(text: str) -> int | None:
    try:
        return quantity.parse(text)
    except ValueError:  # the API server refuses such a Job before it can run out of anything
        return None
