"""Who owns a run: the Flow that started it, or the run whose task did."""

from collections.abc import Mapping
from typing import Any


def owning_flow(obj: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Give the reference to the Flow that owns a run, if one does."""
    return _controller(obj, "Flow")


def owning_run(obj: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Give the reference to the run that owns a run, if one does."""
    return _controller(obj, "FlowRun")


def _controller(obj: Mapping[str, Any], kind: str) -> Mapping[str, Any] | None:
    owners = obj["metadata"].get("ownerReferences") or ()
    return next((owner for owner in owners if owner.get("controller") and owner.get("kind") == kind), None)
