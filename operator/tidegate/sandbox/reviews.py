"""Questions about rights and identity: whoever has the token is the administrator, and may do everything."""

from tidegate.sandbox.answers import no_such_path
from tidegate.sandbox.discovery import REVIEWS
from tidegate.sandbox.tree import Object

USER = "sandbox-admin"

_STATUS: dict[str, Object] = {
    "SelfSubjectAccessReview": {"allowed": True, "reason": "the sandbox has one user, who may do everything"},
    "LocalSubjectAccessReview": {"allowed": True, "reason": "the sandbox has one user, who may do everything"},
    "SubjectAccessReview": {"allowed": True, "reason": "the sandbox has one user, who may do everything"},
    "SelfSubjectRulesReview": {
        "resourceRules": [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}],
        "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}],
        "incomplete": False,
    },
    "SelfSubjectReview": {"userInfo": {"username": USER, "groups": ["system:masters", "system:authenticated"]}},
}


def is_review(path: str) -> bool:
    """Tell whether a path takes such questions."""
    return _kind_of(path) is not None


def review(path: str) -> Object:
    """Answer any question that was posted to a path; raises Rejected (404) where none is taken."""
    found = _kind_of(path)
    if found is None:
        raise no_such_path()
    group, kind = found
    metadata: Object = {"creationTimestamp": None}
    return {"apiVersion": f"{group}/v1", "kind": kind, "metadata": metadata, "spec": {}, "status": _STATUS[kind]}


def _kind_of(path: str) -> tuple[str, str] | None:
    match path.strip("/").split("/"):
        case ["apis", group, "v1", plural] if plural in REVIEWS.get(group, {}):
            return group, REVIEWS[group][plural]
        case ["apis", group, "v1", "namespaces", _, "localsubjectaccessreviews" as plural]:
            return (group, REVIEWS[group][plural]) if plural in REVIEWS.get(group, {}) else None
    return None
