"""What may be sent where: the webhooks of all Flows, by their paths, as far as they were heard of."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from pydantic import ValidationError

from tidegate.api.conditions import find
from tidegate.api.param import Param
from tidegate.api.triggers import Trigger
from tidegate.api.webhook import Webhook
from tidegate.engine.templating import Compiler
from tidegate.engine.triggers import Compiled, compile_trigger
from tidegate.kube.client import Object

_MOST_SHOWN = 500


class Place(NamedTuple):
    """What a path names: /hooks/NAMESPACE/FLOW/TRIGGER."""

    namespace: str
    flow: str
    trigger: str


@dataclass(frozen=True, slots=True)
class Hook:
    """One webhook: its Flow without tasks, its compiled expressions, and why it starts nothing now, if so."""

    flow: Mapping[str, Any]
    webhook: Webhook
    compiled: Compiled
    params: tuple[Param, ...]
    problem: str

    @property
    def trigger(self) -> str:
        """The trigger's name."""
        return self.compiled.trigger.name

    @property
    def uid(self) -> str:
        """The Flow's UID."""
        return str(self.flow["metadata"]["uid"])


def slim_flow(obj: Object) -> Object | None:
    """Give what is read of a Flow, None if it has no webhook: its status changes often, this hardly ever."""
    meta, spec = obj["metadata"], obj["spec"]
    hooks = [row for row in spec.get("triggers") or () if "webhook" in row]
    if not hooks or "deletionTimestamp" in meta:
        return None
    wanted = {name: spec[name] for name in ("suspend", "params", "runTemplate") if name in spec}
    return {
        "metadata": {name: meta[name] for name in ("name", "namespace", "uid")},
        "spec": {**wanted, "triggers": hooks},
        "problem": _invalidity(obj),
    }


class Hooks:
    """Finds webhooks; each is compiled when it is asked for first."""

    def __init__(self) -> None:
        self._flows: dict[tuple[str, str], Object] = {}
        self._compiled: dict[Place, Hook] = {}

    def take(self, change: str, flow: Object) -> None:
        """Take a change of a Flow, of which `slim_flow` made this."""
        meta = flow["metadata"]
        key, known = (meta["namespace"], meta["name"]), self._flows.get((meta["namespace"], meta["name"]))
        if change != "DELETED":
            self._flows[key] = flow
        elif known is not None and known["metadata"]["uid"] == meta["uid"]:
            del self._flows[key]
        if known != self._flows.get(key):
            self._compiled = {place: hook for place, hook in self._compiled.items() if place[:2] != key}

    def find(self, place: Place) -> Hook | None:
        """Give the webhook of a path."""
        hook = self._compiled.get(place)
        if hook is None and (flow := self._flows.get(place[:2])) is not None:
            row = next((row for row in flow["spec"]["triggers"] if row.get("name") == place.trigger), None)
            hook = None if row is None else _hook(flow, row)
            if hook is not None:
                self._compiled[place] = hook
        return hook


def _hook(flow: Object, row: Mapping[str, Any]) -> Hook | None:
    """Compile a webhook; None where it says so little that nobody could be verified."""
    spec = flow["spec"]
    try:
        trigger = Trigger.model_validate(row, extra="ignore")
        params = tuple(Param.model_validate(one, extra="ignore") for one in spec.get("params") or ())
    except ValidationError:
        return None
    if trigger.webhook is None:
        return None
    compiler = Compiler()
    compiled = compile_trigger(trigger, (), compiler)
    return Hook(flow, trigger.webhook, compiled, params, _problem(flow, trigger, compiler))


def _problem(flow: Object, trigger: Trigger, compiler: Compiler) -> str:
    name = flow["metadata"]["name"]
    if compiler.found:
        return f"Flow {name} is not valid: {compiler.found[0].message}"
    if flow["spec"].get("suspend"):
        return f"Flow {name} is suspended"
    if trigger.suspend:
        return f"trigger {trigger.name} of Flow {name} is suspended"
    return str(flow["problem"])


def _invalidity(obj: Object) -> str:
    """Say why this very spec was found invalid; one that nobody has judged yet is taken for good."""
    status, meta = obj.get("status") or {}, obj["metadata"]
    ready = find(status.get("conditions"), "Ready")
    if ready is None or ready["status"] != "False" or status.get("observedGeneration") != meta.get("generation"):
        return ""
    return f"Flow {meta['name']} is not valid: {ready.get('message', '')[:_MOST_SHOWN]}"
