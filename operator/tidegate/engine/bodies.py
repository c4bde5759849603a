"""Bodies of tasks: defaults merged in, expressions compiled where they are allowed and refused where not."""

from collections.abc import Mapping
from typing import Any

from tidegate.api.bodies import Wait
from tidegate.api.flow import FlowSpec
from tidegate.api.policies import DisruptionPolicy
from tidegate.api.task import Task, TaskDefaults
from tidegate.engine import questions, scopes, sharedpods
from tidegate.engine.findings import Finding, Keys
from tidegate.engine.templating import Compiler, Scope, templates

MAX_FILES_BYTES = 900_000
"""Scripts and files of a Flow together: they live in one ConfigMap of the run."""

_DEFAULTED = (
    "retry",
    "timeout_seconds",
    "start_deadline_seconds",
    "service_account_name",
    "resources",
    "disruption",
    "priority",
    "queue_name",
)

_DEFAULTED_FOR_READERS = ("service_account_name",)

_DEFAULTED_FOR_CALLS = ("start_deadline_seconds",)

_UNBOUNDED = "Avoid needs timeoutSeconds, here or in taskDefaults: else a pod that hangs keeps its node for ever"

_NO_PASTE = "may not hold $[[ ]]: text pasted into a program is an injection; pass it by env, args or a file it reads"


def with_defaults(task: Task, defaults: TaskDefaults) -> Task:
    """Give the task with the Flow's defaults; a default that its body cannot honour is left out."""
    changes: dict[str, Any] = {}
    for name in _honoured(task):
        if getattr(task, name) is None and getattr(defaults, name) is not None:
            changes[name] = getattr(defaults, name)
    if "retry" in changes and sharedpods.shares_pods(task):
        changes["retry"] = sharedpods.without_more(changes["retry"])
    return task.model_copy(update=changes) if changes else task


def _honoured(task: Task) -> tuple[str, ...]:
    if task.is_pod:
        return _DEFAULTED
    if task.flow is not None:
        return _DEFAULTED_FOR_CALLS
    return _DEFAULTED_FOR_READERS if task.wait is not None and task.wait.for_ is not None else ()


def compile_body(
    task: Task, scope: Scope, keys: Keys, compiler: Compiler, secrets: frozenset[str]
) -> Mapping[str, Any]:
    """Compile what a task's body holds; see `inputs.render` for how it is evaluated."""
    if not task.is_pod:
        return _compile_inline(task, scope, keys, compiler)
    items = {}
    if task.for_each is not None:
        items["items"] = compiler.value(task.for_each.items, scope, (*keys, "forEach", "items"))
        scope = scopes.with_items(scope)
    if task.cache is not None:
        items["cacheKey"] = compiler.value(task.cache.key, scope, (*keys, "cache", "key"))
    if task.disruption is not None and task.disruption.policy is DisruptionPolicy.AVOID and not task.timeout_seconds:
        compiler.found.append(Finding((*keys, "disruption"), _UNBOUNDED))
    since = len(compiler.references)
    _refuse_expressions(task, keys, compiler)
    _check_pod_template(task, keys, compiler)
    inputs = items | {
        "image": compiler.value(task.image, scope, (*keys, "image")),
        "args": compiler.value(task.args, scope, (*keys, "args")),
        "resources": compiler.value(task.resources, scope, (*keys, "resources")),
        "env": [
            compiler.value(variable.value, scope, (*keys, "env", index, "value"))
            for index, variable in enumerate(task.env or ())
        ],
    }
    if sharedpods.shares_pods(task):
        sharedpods.refuse_items(compiler, since)
    _check_secrets(inputs, keys, compiler, secrets)
    return inputs


def _compile_inline(task: Task, scope: Scope, keys: Keys, compiler: Compiler) -> Mapping[str, Any]:
    if task.set is not None:
        return {"set": compiler.value(dict(task.set), scope, (*keys, "set"))}
    if task.fail is not None:
        return {"message": compiler.value(task.fail.message, scope, (*keys, "fail", "message"))}
    if task.approval is not None:
        return questions.compile_question(task.approval, scope, (*keys, "approval"), compiler)
    if task.wait is not None:
        return _compile_wait(task.wait, scope, (*keys, "wait"), compiler)
    return _compile_call(task, scope, keys, compiler)


def _compile_wait(wait: Wait, scope: Scope, keys: Keys, compiler: Compiler) -> Mapping[str, Any]:
    if wait.time is not None:
        return {"time": compiler.value(wait.time, scope, (*keys, "time"))}
    if wait.for_ is None:
        return {}
    inputs = {"name": compiler.value(wait.for_.name, scope, (*keys, "for", "name"))}
    if wait.for_.when is not None:
        inputs["when"] = compiler.condition(wait.for_.when, scopes.OBJECT, (*keys, "for", "when"))
    return inputs


def _compile_call(task: Task, scope: Scope, keys: Keys, compiler: Compiler) -> Mapping[str, Any]:
    assert task.flow is not None  # noqa: S101  the only body that is left
    inputs: dict[str, Any] = {}
    if task.for_each is not None:
        inputs["items"] = compiler.value(task.for_each.items, scope, (*keys, "forEach", "items"))
        scope = scopes.with_items(scope)
    return {**inputs, "params": compiler.value(dict(task.flow.params), scope, (*keys, "flow", "params"))}


def secret_param(value: Any, secrets: frozenset[str]) -> str | None:
    """Give the secret param that a template of env is, when it is exactly that."""
    for template in templates(value):
        for path in template.references:
            whole = len(path) == 2 and path[0] == "params" and path[1] in secrets
            if whole and template.text.strip()[3:-2].strip() == f"params.{path[1]}":
                return path[1]
    return None


def _check_secrets(inputs: Mapping[str, Any], keys: Keys, compiler: Compiler, secrets: frozenset[str]) -> None:
    for field, value in inputs.items():  # also forEach's items and the cache's key
        for template in templates(value):
            named = {path[1] for path in template.references if path[0] == "params" and len(path) > 1} & secrets
            if named and (field != "env" or secret_param(template, secrets) is None):
                message = f"params.{min(named)} is a secret: it may only be the whole value of an env variable"
                compiler.found.append(Finding((*keys, field), message))


def _refuse_expressions(task: Task, keys: Keys, compiler: Compiler) -> None:
    for index, argument in enumerate(task.command or ()):
        compiler.constant(argument, (*keys, "command", index), f"command {_NO_PASTE}")
    for index, argument in enumerate(task.interpreter or ()):
        compiler.constant(argument, (*keys, "interpreter", index), f"interpreter {_NO_PASTE}")
    if task.script is not None:
        compiler.constant(task.script, (*keys, "script"), f"script {_NO_PASTE}")
    for index, file in enumerate(task.files or ()):
        compiler.constant(file.content, (*keys, "files", index, "content"), f"files {_NO_PASTE}")


def _check_pod_template(task: Task, keys: Keys, compiler: Compiler) -> None:
    template = task.pod_template
    if template is None:
        return
    base: Keys = (*keys, "podTemplate")
    unknown = set(template) - {"metadata", "spec"}
    compiler.found += [Finding((*base, field), f'unknown field "{field}"') for field in sorted(unknown)]
    spec = template.get("spec") or {}
    if not isinstance(spec, dict):
        compiler.found.append(Finding((*base, "spec"), "must be an object"))
        return
    _check_pod_spec(spec, task, base, compiler)


def check_defaults(defaults: TaskDefaults, compiler: Compiler) -> None:
    """Find what no pod may have, in the template that lies below those of all tasks."""
    spec = (defaults.pod_template or {}).get("spec")
    if isinstance(spec, dict):
        _check_reserved(spec, ("spec", "taskDefaults", "podTemplate", "spec"), compiler)


def _check_reserved(spec: Mapping[str, Any], keys: Keys, compiler: Compiler) -> None:
    if spec.get("restartPolicy", "Never") != "Never":
        message = f'got "{spec["restartPolicy"]}"; expected "Never": a retry is a new pod'
        compiler.found.append(Finding((*keys, "restartPolicy"), message))
    if "activeDeadlineSeconds" in spec:
        message = "is Tidegate's: use timeoutSeconds of the task"
        compiler.found.append(Finding((*keys, "activeDeadlineSeconds"), message))


def _check_pod_spec(spec: Mapping[str, Any], task: Task, base: Keys, compiler: Compiler) -> None:
    _check_reserved(spec, (*base, "spec"), compiler)
    given = spec.get("containers")
    containers = given if isinstance(given, list) else []  # what has another type is told by whoever knows the schema
    names = [c.get("name") for c in containers if isinstance(c, dict)]
    if len(containers) > 1 and "main" not in names:
        message = 'one of several containers must be named "main": it owns the output'
        compiler.found.append(Finding((*base, "spec", "containers"), message))
    has_image = any(isinstance(c, dict) and c.get("image") for c in containers)
    if task.image is None and not has_image:
        message = "has no container with an image, and the task gives none"
        compiler.found.append(Finding((*base, "spec", "containers"), message))


def check_files(spec: FlowSpec, compiler: Compiler) -> None:
    """Find scripts and files that together do not fit the ConfigMap of a run."""
    total = sum(
        len((task.script or "").encode()) + sum(len(file.content.encode()) for file in task.files or ())
        for task in (*spec.tasks, *spec.finally_)
    )
    if total > MAX_FILES_BYTES:
        message = f"have scripts and files of {total:,} bytes together; at most {MAX_FILES_BYTES:,} fit a ConfigMap"
        compiler.found.append(Finding(("spec", "tasks"), message))
