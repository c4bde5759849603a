"""What an API server refuses of a Job's spec, in its words and its order; and what this sandbox has not."""

from tidegate.sandbox.failure_rules import policy_faults
from tidegate.sandbox.tree import Object

COUNTS = (
    "parallelism",
    "completions",
    "activeDeadlineSeconds",
    "backoffLimit",
    "ttlSecondsAfterFinished",
    "backoffLimitPerIndex",
    "maxFailedIndexes",
)
"""The whole numbers in a Job's spec."""

INDEXED = "Indexed"
_MANY = 100_000
_WITH_MANY = 10_000
_LABEL = 63


def job_faults(name: str, spec: Object) -> list[str]:
    """Give what is wrong with a Job's own fields; its template is a pod's affair."""
    found = [
        f"spec.{field}: Invalid value: {spec[field]}: must be greater than or equal to 0"
        for field in COUNTS
        if spec.get(field, 0) < 0
    ]
    if "maxFailedIndexes" in spec and "backoffLimitPerIndex" not in spec:
        found.append("spec.backoffLimitPerIndex: Required value: when maxFailedIndexes is specified")
    mode = spec["completionMode"]
    if mode == INDEXED:
        found += _indexed_faults(spec)
    elif mode == "NonIndexed":
        found += _non_indexed_faults(spec)
    else:
        supported = 'supported values: "NonIndexed", "Indexed"'
        found.append(f'spec.completionMode: Unsupported value: "{mode}": {supported}')
    if "podFailurePolicy" in spec:
        found += policy_faults(spec)
    found += _absent_faults(spec) + _replacement_faults(spec) + _restart_faults(spec)
    return found + (_name_faults(name, spec) if mode == INDEXED else [])


def _indexed_faults(spec: Object) -> list[str]:
    found = []
    completions, most = spec.get("completions"), spec.get("maxFailedIndexes")
    if completions is None:
        found.append("spec.completions: Required value: when completion mode is Indexed")
    if spec["parallelism"] > _MANY:
        limit = f"must be less than or equal to {_MANY} when completion mode is Indexed"
        found.append(f"spec.parallelism: Invalid value: {spec['parallelism']}: {limit}")
    if completions is not None and most is not None and most > completions:
        found.append(f"spec.maxFailedIndexes: Invalid value: {most}: must be less than or equal to completions")
    if most is not None and most > _MANY:
        found.append(f"spec.maxFailedIndexes: Invalid value: {most}: must be less than or equal to {_MANY}")
    if completions is not None and completions > _MANY and "backoffLimitPerIndex" in spec:
        found += _many_faults(spec)
    return found


def _many_faults(spec: Object) -> list[str]:
    """Give what so many indexes do not go together with."""
    found = []
    if "maxFailedIndexes" not in spec:
        found.append(f"spec.maxFailedIndexes: Required value: must be specified when completions is above {_MANY}")
    limit = f"must be less than or equal to {_WITH_MANY} when completions are above {_MANY}"
    return found + [
        f"spec.{field}: Invalid value: {spec[field]}: {limit} and used with backoff limit per index"
        for field in ("parallelism", "maxFailedIndexes")
        if spec.get(field, 0) > _WITH_MANY
    ]


def _non_indexed_faults(spec: Object) -> list[str]:
    return [
        f"spec.{field}: Invalid value: {spec[field]}: requires indexed completion mode"
        for field in ("backoffLimitPerIndex", "maxFailedIndexes")
        if field in spec
    ]


def _absent_faults(spec: Object) -> list[str]:
    if "successPolicy" not in spec:
        return []
    return ["spec.successPolicy: Forbidden: the sandbox has no success policies: leave it out, or use a cluster"]


def _replacement_faults(spec: Object) -> list[str]:
    policy = spec["podReplacementPolicy"]
    supported = ("Failed",) if "podFailurePolicy" in spec else ("Failed", "TerminatingOrFailed")
    if policy in supported:
        return []
    shown = ", ".join(f'"{each}"' for each in supported)
    return [f'spec.podReplacementPolicy: Unsupported value: "{policy}": supported values: {shown}']


def _restart_faults(spec: Object) -> list[str]:
    path, restart = "spec.template.spec.restartPolicy", spec["template"].get("spec", {}).get("restartPolicy")
    if restart in (None, "Always"):
        return [f'{path}: Required value: valid values: "OnFailure", "Never"']
    if restart not in ("OnFailure", "Never"):
        return [f'{path}: Unsupported value: "{restart}": supported values: "OnFailure", "Never"']
    if restart != "Never" and "podFailurePolicy" in spec:
        wanted = 'only "Never" is supported when podFailurePolicy is specified'
        return [f'{path}: Invalid value: "{restart}": {wanted}']
    return []


def _name_faults(name: str, spec: Object) -> list[str]:
    """Give the fault of a name that has no room for an index in a host's name."""
    host = f"{name}-{(spec.get('completions') or 0) - 1}"
    if not spec.get("completions") or (len(host) <= _LABEL and "." not in host):
        return []
    return [f'metadata.name: Invalid value: "{name}": will not able to create pod with invalid DNS label: {host}']
