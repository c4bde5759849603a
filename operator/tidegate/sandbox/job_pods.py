"""What the pods of a Job look like: its template, and for an Indexed Job what tells each index its own."""

from typing import Any, NamedTuple

from tidegate.api.keys import ANNOTATION_INDEX
from tidegate.sandbox.job_indexes import FAILURES, IGNORED, Failures
from tidegate.sandbox.job_rules import INDEXED
from tidegate.sandbox.roster import TRACKING
from tidegate.sandbox.tree import Object

_LONGEST_PREFIX = 58
"""A name has 63 characters, and the last five tell pods of one prefix apart."""

_VARIABLE = "JOB_COMPLETION_INDEX"


class Draft(NamedTuple):
    """A pod to be created, with the beginning of its name."""

    prefix: str
    metadata: Object
    spec: Object


class Drafts:
    """Makes the pods of one Job; what they have in common is made once and shared."""

    def __init__(self, job: Object) -> None:
        template, owner = job["spec"]["template"], job["metadata"]
        self._name: str = owner["name"]
        self._metadata = {**template["metadata"], "finalizers": [TRACKING], "ownerReferences": [_owner(owner)]}
        self._spec: Object = template["spec"]
        if job["spec"]["completionMode"] == INDEXED:
            self._spec = {**self._spec, **_with_variable(self._spec)}

    def plain(self) -> Draft:
        """Give a pod that is like all others."""
        prefix = f"{self._name}-"
        return Draft(prefix, {**self._metadata, "generateName": prefix}, self._spec)

    def indexed(self, index: int, failures: Failures | None) -> Draft:
        """Give the pod of an index, with its failures so far where those are counted by index."""
        prefix = _prefix(self._name, index)
        notes = {**(self._metadata.get("annotations") or {}), ANNOTATION_INDEX: str(index)}
        if failures is not None:
            notes[FAILURES] = str(failures.counted)
            if failures.ignored:
                notes[IGNORED] = str(failures.ignored)
        metadata = {
            **self._metadata,
            "generateName": prefix,
            "labels": {**self._metadata["labels"], ANNOTATION_INDEX: str(index)},
            "annotations": notes,
        }
        return Draft(prefix, metadata, {**self._spec, "hostname": f"{self._name}-{index}"})


def _owner(metadata: Object) -> Object:
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "name": metadata["name"],
        "uid": metadata["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }


def _prefix(name: str, index: int) -> str:
    """Begin a pod's name; it is the Job's name that is cut, not the index."""
    end = f"-{index}-"
    return name[: _LONGEST_PREFIX - len(end)] + end


def _with_variable(spec: Object) -> dict[str, Any]:
    """Give the containers with the index in their environment, behind all that they define themselves."""
    return {
        field: [_told(container) for container in spec[field]]
        for field in ("initContainers", "containers")
        if spec.get(field)
    }


def _told(container: Object) -> Object:
    given = container.get("env") or []
    if any(each.get("name") == _VARIABLE for each in given):
        return container
    source = {"fieldRef": {"apiVersion": "v1", "fieldPath": f"metadata.labels['{ANNOTATION_INDEX}']"}}
    return {**container, "env": [*given, {"name": _VARIABLE, "valueFrom": source}]}
