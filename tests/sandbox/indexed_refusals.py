"""What a real Kubernetes (1.37) refuses of Indexed Jobs and of failure policies; the sandbox says the same words."""

from sandbox.indexed_stories import DISRUPTED, on_exit, policy

LONG = "x" * 61
NAME = "metadata.name: Invalid value"
RULE = "spec.podFailurePolicy.rules[0]"
RESTART = "spec.template.spec.restartPolicy"
WIDE = "must be less than or equal to 100000 when completion mode is Indexed"
OF_CONTAINERS = "must be one of the container or initContainer names in the pod template"
OF_TYPES = (
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric "
    "character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
    "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
)
MANY = "must be less than or equal to 10000 when completions are above 100000 and used with backoff limit per index"


def codes(**change):
    """Give a policy of one rule on exit codes that is right but for a change."""
    return policy({"action": "FailJob", "onExitCodes": {"operator": "In", "values": [1], **change}})


def condition(**fields):
    return policy({"action": "Ignore", "onPodConditions": [fields]})


REFUSALS = [
    (
        {"completionMode": "Sorted"},
        ['spec.completionMode: Unsupported value: "Sorted": supported values: "NonIndexed", "Indexed"'],
    ),
    ({"completions": None, "parallelism": 1}, ["spec.completions: Required value: when completion mode is Indexed"]),
    (
        {"completionMode": "NonIndexed", "backoffLimitPerIndex": 1, "maxFailedIndexes": 1},
        [
            "spec.backoffLimitPerIndex: Invalid value: 1: requires indexed completion mode",
            "spec.maxFailedIndexes: Invalid value: 1: requires indexed completion mode",
        ],
    ),
    ({"maxFailedIndexes": 1}, ["spec.backoffLimitPerIndex: Required value: when maxFailedIndexes is specified"]),
    (
        {"backoffLimitPerIndex": 1, "maxFailedIndexes": 3},
        ["spec.maxFailedIndexes: Invalid value: 3: must be less than or equal to completions"],
    ),
    (
        {"parallelism": -1, "completions": -1, "backoffLimitPerIndex": -1, "maxFailedIndexes": -2},
        [
            "spec.parallelism: Invalid value: -1: must be greater than or equal to 0",
            "spec.completions: Invalid value: -1: must be greater than or equal to 0",
            "spec.backoffLimitPerIndex: Invalid value: -1: must be greater than or equal to 0",
            "spec.maxFailedIndexes: Invalid value: -2: must be greater than or equal to 0",
        ],
    ),
    (
        {"parallelism": 100_001},
        [f"spec.parallelism: Invalid value: 100001: {WIDE}"],
    ),
    (
        {"completions": 100_001, "parallelism": 10_001, "backoffLimitPerIndex": 1},
        [
            "spec.maxFailedIndexes: Required value: must be specified when completions is above 100000",
            f"spec.parallelism: Invalid value: 10001: {MANY}",
        ],
    ),
    (
        {"completions": 100_001, "parallelism": 10_001, "backoffLimitPerIndex": 1, "maxFailedIndexes": 10_001},
        [
            f"spec.parallelism: Invalid value: 10001: {MANY}",
            f"spec.maxFailedIndexes: Invalid value: 10001: {MANY}",
        ],
    ),
    (
        policy(on_exit("FailIndex", 1)),
        [f'{RULE}.action: Invalid value: "FailIndex": requires the backoffLimitPerIndex to be set'],
    ),
    (
        {**codes(), "podReplacementPolicy": "TerminatingOrFailed"},
        ['spec.podReplacementPolicy: Unsupported value: "TerminatingOrFailed": supported values: "Failed"'],
    ),
    (
        {"podReplacementPolicy": "Never"},
        ['spec.podReplacementPolicy: Unsupported value: "Never": supported values: "Failed", "TerminatingOrFailed"'],
    ),
    (
        policy(on_exit("Retry", 1)),
        [f'{RULE}.action: Unsupported value: "Retry": supported values: "Count", "FailIndex", "FailJob", "Ignore"'],
    ),
    (
        policy({"onExitCodes": {"operator": "In", "values": [1]}}),
        [f'{RULE}.action: Required value: valid values: ["Count" "FailIndex" "FailJob" "Ignore"]'],
    ),
    (codes(operator="Is"), [f'{RULE}.onExitCodes.operator: Unsupported value: "Is": supported values: "In", "NotIn"']),
    (codes(operator=None), [f'{RULE}.onExitCodes.operator: Required value: valid values: ["In" "NotIn"]']),
    (codes(values=[]), [f"{RULE}.onExitCodes.values: Invalid value: []: at least one value is required"]),
    (codes(values=[0]), [f"{RULE}.onExitCodes.values[0]: Invalid value: 0: must not be 0 for the In operator"]),
    (codes(values=[1, 1]), [f"{RULE}.onExitCodes.values[1]: Duplicate value: 1"]),
    (codes(values=[2, 1]), [f"{RULE}.onExitCodes.values: Invalid value: [2,1]: must be ordered"]),
    (
        codes(values=list(range(1, 300))),
        [f"{RULE}.onExitCodes.values: Too many: 299: must have at most 255 items"],
    ),
    (
        codes(containerName="x"),
        [
            f'{RULE}.onExitCodes.containerName: Invalid value: "x": {OF_CONTAINERS}',
        ],
    ),
    (
        policy({**on_exit("FailJob", 1), "onPodConditions": DISRUPTED}),
        [f"{RULE}: Invalid value: specifying both OnExitCodes and OnPodConditions is not supported"],
    ),
    (
        policy({"action": "Ignore"}),
        [f"{RULE}: Invalid value: specifying one of OnExitCodes and OnPodConditions is required"],
    ),
    (
        condition(type="DisruptionTarget", status="Maybe"),
        [f'{RULE}.onPodConditions[0].status: Unsupported value: "Maybe": supported values: "False", "True", "Unknown"'],
    ),
    (
        condition(status="True"),
        [
            f'{RULE}.onPodConditions[0].type: Invalid value: "": name part must be non-empty',
            f'{RULE}.onPodConditions[0].type: Invalid value: "": {OF_TYPES}',
        ],
    ),
    (policy(*[on_exit("FailJob", 1)] * 21), ["spec.podFailurePolicy.rules: Too many: 21: must have at most 20 items"]),
    (
        {**codes(), "restart": "OnFailure"},
        [f'{RESTART}: Invalid value: "OnFailure": only "Never" is supported when podFailurePolicy is specified'],
    ),
    ({"restart": "Always"}, [f'{RESTART}: Required value: valid values: "OnFailure", "Never"']),
    ({"restart": None}, [f'{RESTART}: Required value: valid values: "OnFailure", "Never"']),
    (
        {"name": LONG, "completions": 11},
        [f'{NAME}: "{LONG}": will not able to create pod with invalid DNS label: {LONG}-10'],
    ),
    ({"name": "a.b", "completions": 2}, [f'{NAME}: "a.b": will not able to create pod with invalid DNS label: a.b-1']),
]
"""(change of a Job that is right, faults): `restart` and `name` are the pods' restartPolicy and the Job's name."""

TAKEN = [{"name": LONG, "completions": 10}, {"podFailurePolicy": {}}, policy(), {"completions": 0}]
"""Changes that are right."""


def changed(change, pod):
    """Give the Job of a row; None takes a field away."""
    spec = {"completionMode": "Indexed", "completions": 2, **change}
    name, restart = spec.pop("name", "job"), spec.pop("restart", "Never")
    template = {"spec": {**pod, "restartPolicy": restart}}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name},
        "spec": without_nones({**spec, "template": template}),
    }


def without_nones(tree):
    if isinstance(tree, dict):
        return {name: without_nones(value) for name, value in tree.items() if value is not None}
    return [without_nones(each) for each in tree] if isinstance(tree, list) else tree
