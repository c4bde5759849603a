"""What the sandbox's model of Indexed Jobs is held to, told by a real cluster: the same stories, the same refusals."""

import json
import subprocess
import time
from collections.abc import Callable
from typing import Any

import pytest

from sandbox.indexed_refusals import REFUSALS, TAKEN, changed
from sandbox.indexed_stories import FAILURES, IGNORED, INDEX, STAYS, STORIES, Story, identity, is_over, told

Run = Callable[..., str]
Object = dict[str, Any]

PATIENCE = 150.0
"""Seconds; the longest story waits for two back-offs."""
LINGER = "trap 'exit 143' TERM; sleep 3600 & wait"
CONTAINER = {
    "name": "main",
    "image": "busybox:1.36",
    "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
}
POD = {
    "restartPolicy": "Never",
    "terminationGracePeriodSeconds": 5,
    "securityContext": {"runAsNonRoot": True, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}},
    "containers": [CONTAINER],
}


def _command(story: Story) -> str:
    """Write the ends of a story's pods as a shell program."""
    cases = [
        f"{index}.{attempt}) {LINGER if code == STAYS else f'exit {code}'};;"
        for (index, attempt), code in story.codes.items()
    ]
    attempt = "$((${FAILURES:-0} + ${IGNORED:-0}))"
    return f"case $JOB_COMPLETION_INDEX.{attempt} in {' '.join(cases)} esac" if cases else "true"


def _job(story: Story) -> Object:
    notes = {"FAILURES": FAILURES, "IGNORED": IGNORED}
    env = [
        {"name": name, "valueFrom": {"fieldRef": {"fieldPath": f"metadata.annotations['{note}']"}}}
        for name, note in notes.items()
    ]
    container = {**CONTAINER, "command": ["sh", "-c", _command(story)], "env": env}
    template = {"spec": {**POD, "containers": [container]}}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": story.name},
        "spec": {"completionMode": "Indexed", **story.spec, "template": template},
    }


class Theatre:
    """One namespace of a cluster in which all stories run at once."""

    def __init__(self, kubectl: Run, namespace: str) -> None:
        self._kubectl, self._namespace = kubectl, namespace
        self._acts = {story.name: story.act for story in STORIES if story.act}
        items = [_job(story) for story in STORIES]
        self._run("create", "-f", "-", input=json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))

    def play(self) -> tuple[dict[str, Object], list[Object]]:
        """Give all Jobs by name and all pods when every story has ended."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            jobs = {job["metadata"]["name"]: job for job in self._get("jobs")}
            pods = self._get("pods")
            for name, act in list(self._acts.items()):
                self._interfere(name, act, [pod for pod in pods if pod["metadata"]["labels"]["job-name"] == name])
            if not self._acts and all(map(is_over, jobs.values())):
                return jobs, [pod for pod in pods if "deletionTimestamp" not in pod["metadata"]]
            time.sleep(0.3)  # a cluster is asked, not driven: there is no clock to turn
        raise AssertionError({name: told(job) for name, job in jobs.items() if not is_over(job)})

    def _interfere(self, name: str, act: Any, pods: list[Object]) -> None:
        """Do what somebody does in a story, once its other pods have ended."""
        verb, index = act
        mine = [pod for pod in pods if index is not None and identity(pod)[0] == index]
        others = [pod for pod in pods if pod not in mine]
        if index is not None and not (mine and _is_ready(mine[0]) and all(map(_has_ended, others))):
            return
        del self._acts[name]
        if verb in ("suspend", "resume"):
            change = json.dumps({"spec": {"suspend": verb == "suspend"}})
            self._run("patch", "job", name, "--type=merge", "-p", change)
        elif verb == "delete":
            self._run("delete", "pod", mine[0]["metadata"]["name"], "--wait=false")
        else:
            self._evict(mine[0]["metadata"]["name"])

    def _evict(self, pod: str) -> None:
        eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod}}
        path = f"/api/v1/namespaces/{self._namespace}/pods/{pod}/eviction"
        self._kubectl("create", "--raw", path, "-f", "-", input=json.dumps(eviction))

    def _get(self, kind: str) -> list[Object]:
        items: list[Object] = json.loads(self._run("get", kind, "-o", "json"))["items"]
        return items

    def _run(self, *arguments: str, **options: Any) -> str:
        return self._kubectl("-n", self._namespace, *arguments, **options)


def _is_ready(pod: Object) -> bool:
    return any(each["type"] == "Ready" and each["status"] == "True" for each in pod["status"].get("conditions", ()))


def _has_ended(pod: Object) -> bool:
    return bool(pod["status"]["phase"] in ("Succeeded", "Failed"))


@pytest.mark.timeout(300)
def test_a_real_cluster_tells_the_stories_that_the_model_tells(kubectl: Run, namespace: str):
    jobs, pods = Theatre(kubectl, namespace).play()
    for story in STORIES:
        assert told(jobs[story.name]) == story.status, story.name
        mine = [pod for pod in pods if pod["metadata"]["labels"]["job-name"] == story.name]
        assert sorted(map(identity, mine)) == story.pods, story.name
    for pod in pods:
        index = pod["metadata"]["annotations"][INDEX]
        assert pod["metadata"]["labels"][INDEX] == index
        assert pod["spec"]["hostname"] == f"{pod['metadata']['labels']['job-name']}-{index}"
        assert pod["metadata"]["name"].rpartition("-")[0] == pod["spec"]["hostname"]
        source = {"fieldRef": {"apiVersion": "v1", "fieldPath": f"metadata.labels['{INDEX}']"}}
        assert pod["spec"]["containers"][0]["env"][-1] == {"name": "JOB_COMPLETION_INDEX", "valueFrom": source}


def test_a_real_api_server_refuses_in_the_words_of_the_sandbox(kubectl: Run, namespace: str):
    for change, faults in REFUSALS:
        job = json.dumps(changed(change, POD))
        with pytest.raises(subprocess.CalledProcessError) as refusal:
            kubectl("-n", namespace, "create", "--dry-run=server", "-f", "-", input=job)
        said = refusal.value.stderr.partition("is invalid:")[2].strip()
        assert [line.removeprefix("* ") for line in said.splitlines()] == faults, change
    for change in TAKEN:
        job = json.dumps(changed(change, POD))
        assert kubectl("-n", namespace, "create", "--dry-run=server", "-f", "-", input=job)


# Into one stream: lines of a container's stdout and stderr come to its log in no order.
VOLUME_TEST = 'exec 2>&1; cat "$TIDEGATE_ITEM" || ls -A "$TIDEGATE_ITEM"; echo "$(hostname) $HOSTNAME $0 $EARLY"'


def test_an_index_finds_its_own_key_and_an_empty_directory_where_there_is_none(kubectl: Run, namespace: str):
    kubectl("-n", namespace, "create", "configmap", "items", "--from-literal=0=zero ")
    container = {
        **CONTAINER,
        "command": ["sh", "-c", VOLUME_TEST, "$(JOB_COMPLETION_INDEX)"],
        "env": [
            {"name": "TIDEGATE_ITEM", "value": "/tidegate/item"},
            {"name": "EARLY", "value": "$(JOB_COMPLETION_INDEX)"},
        ],
        "volumeMounts": [{"name": "items", "mountPath": "/tidegate/item", "subPathExpr": "$(JOB_COMPLETION_INDEX)"}],
    }
    pod = {**POD, "containers": [container], "volumes": [{"name": "items", "configMap": {"name": "items"}}]}
    spec = {"completionMode": "Indexed", "completions": 2, "parallelism": 2, "template": {"spec": pod}}
    job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "read"}, "spec": spec}
    kubectl("-n", namespace, "create", "-f", "-", input=json.dumps(job))
    kubectl("-n", namespace, "wait", "job/read", "--for=condition=Complete", "--timeout=60s")
    logs = [kubectl("-n", namespace, "logs", "-l", f"job-name=read,{INDEX}={index}") for index in (0, 1)]
    assert logs[0] == "zero read-0 read-0 0 $(JOB_COMPLETION_INDEX)\n"
    assert logs[1].endswith("read-1 read-1 1 $(JOB_COMPLETION_INDEX)\n")
    assert "zero" not in logs[1]
