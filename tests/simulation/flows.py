"""Flows to simulate: small ones of every shape the engine knows. What the engine learns is to be drawn here, too."""

import random
from functools import lru_cache
from typing import Any

POOL = 16
"""Flows that the seeds of one page share: compiling one costs as much as simulating a run of it."""
PAGE = 64

LANE = "a"
"""The param of runs that do not say another: the key of some limits."""
FIRST_ITEM, ITEMS = 10, 2
"""Items are numbers from the first on; so many are among the outputs of each container."""
FAILED = 1
"""The exit code of a container that fails."""
MEMORY, MOST_MEMORY = 16, 48
"""Mi, of tasks that get more when they run out of it."""

SIZES = (1, 2, 2, 3, 3, 4, 5, 6)
RULES = (
    "AllFailed",
    "AllDone",
    "AllDoneMinOneSucceeded",
    "AllSkipped",
    "AnySucceeded",
    "AnyFailed",
    "AnyDone",
    "NoneFailed",
    "NoneFailedMinOneSucceeded",
    "NoneSkipped",
    "Always",
)

Spec = dict[str, Any]

IMAGES = ("busybox", "busybox", "alpine")
CALLEE = "callee"
WITHOUT_POD = 0.26
"""So many tasks need no pod."""
QUESTIONS: tuple[Spec, ...] = (
    {"message": "go on?"},
    {"timeoutSeconds": 15},
    {"timeoutSeconds": 15, "onTimeout": "Approve"},
    {"timeoutSeconds": 15, "onTimeout": "Skip"},
)


def flow_for(seed: int, rng: random.Random, name: str) -> Spec:
    """Draw a Flow of a seed's page."""
    spec = pooled(seed, rng.randrange(POOL))
    return {"apiVersion": "tidegate.dev/v1alpha1", "kind": "Flow", "metadata": {"name": name}, "spec": spec}


def pooled(seed: int, index: int) -> Spec:
    """Give one of the specs of a seed's page."""
    return _pooled(seed // PAGE, index)


@lru_cache(maxsize=4 * POOL)
def _pooled(page: int, index: int) -> Spec:
    return a_spec(random.Random(f"flow {page} {index}"))


def callee_for(seed: int) -> Spec:
    """Draw the Flow of a seed's page that tasks of others call; it calls none."""
    spec = _callee(seed // PAGE)
    return {"apiVersion": "tidegate.dev/v1alpha1", "kind": "Flow", "metadata": {"name": CALLEE}, "spec": spec}


@lru_cache(maxsize=4)
def _callee(page: int) -> Spec:
    spec = a_spec(random.Random(f"callee {page}"), calls=0.0)
    return {**spec, "outputs": [{"name": "n", "value": 1}]}


def a_spec(rng: random.Random, calls: float = 0.06) -> Spec:
    """Draw the spec of a Flow: a few tasks, each with some needs among those before it; so many call another Flow."""
    tasks = [_calling(rng, task, calls) for task in _tasks(rng, "t", rng.choice(SIZES))]
    params = [{"name": "lane", "type": "string", "default": LANE}]
    spec: Spec = {"params": params, "tasks": tasks, "parallelism": rng.choice([1, 2, 50])}
    if rng.random() < 0.3:
        spec["concurrency"] = _limit(rng)
    if rng.random() < 0.3:
        spec["history"] = {"succeeded": rng.randint(0, 2), "failed": rng.randint(0, 2)}
    if rng.random() < 0.3:
        spec["jobRetention"] = {"succeededSeconds": rng.choice([300, 400]), "failedSeconds": rng.choice([300, 400])}
    if rng.random() < 0.2:
        spec["finally"] = _tasks(rng, "f", rng.randint(1, 2))
    if rng.random() < 0.15:
        spec["failFast"] = True
    if rng.random() < 0.1:
        spec["deadlineSeconds"] = rng.choice([1, 5, 20])
    if rng.random() < 0.15:
        spec["retry"] = {"limit": 1, "mode": rng.choice(["Failed", "All"]), "delaySeconds": rng.choice([0, 5])}
    return spec


def _limit(rng: random.Random) -> Spec:
    return {
        "policy": rng.choice(["Queue", "Queue", "Forbid", "Replace"]),
        "limit": rng.choice([1, 1, 2]),
        "queueLimit": rng.choice([0, 1, 100, 100]),
        "key": rng.choice(["", "$[[ params.lane ]]"]),
    }


def _calling(rng: random.Random, task: Spec, calls: float) -> Spec:
    """Make of some tasks a call, that keeps its place in the graph."""
    if rng.random() >= calls:
        return task
    kept = {key: task[key] for key in ("name", "needs", "runWhen", "when", "allowFailure") if key in task}
    call: Spec = {**kept, "flow": {"name": CALLEE, "wait": rng.random() < 0.8}}
    if call["flow"]["wait"] and rng.random() < 0.3:
        call["forEach"] = {"items": [1, 2, 3][: rng.randint(0, 3)], "parallelism": rng.randint(1, 2)}
    if rng.random() < 0.2:
        call["startDeadlineSeconds"] = rng.choice([1, 20])
    return call


def _retry(rng: random.Random) -> Spec:
    retry: Spec = {"limit": rng.randint(0, 3), "delaySeconds": rng.choice([0, 1, 5, [1, 3]])}
    kind = rng.random()
    if kind < 0.08:
        retry["exceptExitCodes"] = [FAILED]
    elif kind < 0.16:
        retry["when"] = f"exitCode != {FAILED}"
    if rng.random() < 0.2:
        retry["maxDisruptions"] = rng.choice([0, 1])
    return retry


def _policies(rng: random.Random, retry: Spec) -> Spec:
    """Draw what a task with a pod says of time, memory, repetition and the cache."""
    body: Spec = {}
    if rng.random() < 0.1:
        body["timeoutSeconds"] = rng.choice([1, 10])
    if rng.random() < 0.15:
        body |= _more_memory(retry)
    if rng.random() < 0.1:
        body["repeat"] = {
            "until": "!has(outputs.again)",
            "everySeconds": rng.choice([0, 5]),
            "limit": rng.randint(1, 3),
        }
    if rng.random() < 0.15:
        body["cache"] = _cache(rng)
    return body


def _cache(rng: random.Random) -> Spec:
    return {"scope": rng.choice(["Flow", "Run", "Namespace"]), "maxAgeSeconds": rng.choice([5, 3600])}


def _tasks(rng: random.Random, prefix: str, count: int) -> list[Spec]:
    tasks: list[Spec] = []
    for number in range(count):
        needs = [task["name"] for task in tasks if rng.random() < 0.4]
        fanned = [each["name"] for each in tasks if "forEach" in each]
        task: Spec = {"name": f"{prefix}{number}", "needs": needs, **_body(rng, needs, fanned)}
        if needs and rng.random() < 0.25:
            task["runWhen"] = rng.choice(RULES)
        if rng.random() < 0.1:
            task["allowFailure"] = True
        if needs and rng.random() < 0.2:
            task["when"] = f"has(tasks.{needs[0]}.outputs) || tasks.{needs[0]}.attempts > 0"
        tasks.append(task)
    return tasks


def _body(rng: random.Random, needs: list[str], fanned: list[str]) -> Spec:
    kind = rng.random()
    if kind < WITHOUT_POD:
        return _body_without_pod(rng, kind)
    body: Spec = {"image": rng.choice(IMAGES), "command": ["true"]}
    if rng.random() < 0.15:
        return body | _fan_out(rng, [need for need in needs if need not in fanned])
    if rng.random() < 0.6:
        body["retry"] = _retry(rng)
    body |= _policies(rng, body.get("retry", {}))
    if needs and rng.random() < 0.2:
        outputs = f"tasks.{needs[-1]}.?outputs"
        read = f"size({outputs}.orValue([]))" if needs[-1] in fanned else f"{outputs}.?n.orValue(0)"
        body["args"] = [f"$[[ string({read}) ]]"]
    elif rng.random() < 0.15:
        body["args"] = ["$[[ params.lane ]]"]
    return body


def _body_without_pod(rng: random.Random, kind: float) -> Spec:
    if kind < 0.1:
        return {"set": {"x": 1}}
    if kind < 0.15:
        return {"wait": {"seconds": rng.randint(0, 20)}}
    if kind < 0.18:
        return {"fail": {"message": "as planned"}}
    if kind < 0.23:
        return {"approval": rng.choice(QUESTIONS)}
    wait_for = {"resource": "configmaps", "name": "gate-$[[ run.name ]]", "when": "object.data.open == 'yes'"}
    return {"wait": {"for": wait_for, **rng.choice(({}, {"timeoutSeconds": 20}))}}


def _items(rng: random.Random, needs: list[str]) -> Any:
    """Draw a list, or what gives one: sometimes null, or something that is none."""
    if not needs or rng.random() < 0.6:
        return [FIRST_ITEM + place for place in range(rng.randint(0, 5))]
    given = rng.choice(["list.orValue([])", "list.orValue([])", "list.orValue(null)", "n.orValue(0)"])
    return f"$[[ tasks.{needs[-1]}.?outputs.?{given} ]]"


def _fan_out(rng: random.Random, needs: list[str]) -> Spec:
    """Draw a fan-out: few items, so that much happens to each, in chunks or with a Job each."""
    strategy = rng.choice(["Indexed", "Jobs"])
    options: Spec = {
        "items": _items(rng, needs),
        "strategy": strategy,
        "maxFailed": rng.choice([0, 0, 1, 5]),
    }
    if strategy == "Indexed":
        options["chunkSize"] = rng.choice([1, 2, 3, 500])
    if rng.random() < 0.4:
        options["parallelism"] = rng.randint(1, 3)
    retry: Spec = {"limit": rng.randint(0, 2), "maxDisruptions": rng.choice([0, 1, 10])}
    if strategy == "Jobs":
        retry["delaySeconds"] = rng.choice([0, 5])
    body: Spec = {"forEach": options, "retry": retry}
    if strategy == "Jobs" and rng.random() < 0.2:
        body |= _more_memory(retry)
    if strategy == "Jobs" and rng.random() < 0.5:
        body["args"] = ["$[[ string(item) ]]"]
    if strategy == "Jobs" and rng.random() < 0.2:
        body["cache"] = _cache(rng)
    return body


def _more_memory(retry: Spec) -> Spec:
    policy = {"memoryPercent": 200, "maxMemory": f"{MOST_MEMORY}Mi"}
    return {"resources": {"limits": {"memory": f"{MEMORY}Mi"}}, "retry": {**retry, "onOOM": policy}}
