"""What an approval asks: its message and params, judged when the Flow is, and the answer to them when one comes."""

from collections.abc import Mapping
from typing import Any

from tidegate.api.bodies import Approval, OnTimeout
from tidegate.api.param import ParamType
from tidegate.engine import outputs, paramchecks, params, paramtypes
from tidegate.engine.findings import Finding, Keys
from tidegate.engine.sizes import bytes_of
from tidegate.engine.templating import Compiler, Scope

TAKEN_NAMES = ("decision", "by", "comment")
"""What the outputs of an approval have beside its params."""


def compile_question(approval: Approval, scope: Scope, keys: Keys, compiler: Compiler) -> Mapping[str, Any]:
    """Compile the expressions of an approval, and find what nobody could answer."""
    compiler.found += paramchecks.check_declarations(approval.params, keys)
    names = [param.name for param in approval.params]
    for index, param in enumerate(approval.params):
        place: Keys = (*keys, "params", index)
        problem = _problem(approval, index, names)
        if problem:
            compiler.found.append(Finding((*place, "name"), problem))
        if param.type is ParamType.SECRET:
            message = "is a secret: outputs are read by everybody who may read the run"
            compiler.found.append(Finding((*place, "type"), message))
    if approval.on_timeout is not OnTimeout.FAIL and approval.timeout_seconds is None:
        compiler.found.append(Finding((*keys, "onTimeout"), "needs timeoutSeconds"))
    defaults = {
        param.name: compiler.value(param.default, scope, (*keys, "params", index, "default"))
        for index, param in enumerate(approval.params)
    }
    return {"message": compiler.value(approval.message, scope, (*keys, "message")), "params": defaults}


def _problem(approval: Approval, index: int, names: list[str]) -> str:
    param = approval.params[index]
    if param.name in TAKEN_NAMES:
        return f'"{param.name}" is among the outputs of every approval: {", ".join(TAKEN_NAMES)}; choose another name'
    if param.name in names[:index]:
        return f'"{param.name}" is named twice'
    if approval.on_timeout is OnTimeout.APPROVE and param.required and param.default is None:
        return f'"{param.name}" has no value when nobody decides: with onTimeout: Approve it needs a default'
    return ""


def bad_defaults(approval: Approval, defaults: Mapping[str, Any]) -> str:
    """Say which defaults, their expressions evaluated, are not of their param's type."""
    given = [(param, paramtypes.normal(defaults[param.name])) for param in approval.params]
    problems = [(param.name, paramchecks.problem_of(param, value)) for param, value in given if value is not None]
    return "; ".join(f"{name}: {problem}" for name, problem in problems if problem)


def outputs_of(
    approval: Approval, given: Mapping[str, Any], defaults: Mapping[str, Any], by: str, comment: str
) -> tuple[dict[str, Any], str]:
    """Give the outputs of an approval that was given, and what is wrong with its params (empty: nothing)."""
    values, found = params.resolve(approval.params, given, defaults)
    if found:
        return {}, "; ".join(f"{finding.keys[-1]}: {finding.message}" for finding in found)
    result = {**values, "decision": "Approved", "by": by, "comment": comment}
    size = bytes_of(result)
    if size >= outputs.MAX_MESSAGE:
        return {}, f"params and comment take {size:,} bytes as JSON; at most {outputs.MAX_MESSAGE - 1:,} are allowed"
    return result, ""
