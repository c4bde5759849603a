"""What clients ask before they ask for anything: versions, groups, resources; in the old and the aggregated form."""

from collections.abc import Iterator
from typing import Any

from tidegate.sandbox.kinds import Kind
from tidegate.sandbox.routes import SERVED, subresources_of
from tidegate.sandbox.tree import Object

VERSION: Object = {
    "major": "1",
    "minor": "33",
    "gitVersion": "v1.33.0+tidegate-sandbox",
    "gitCommit": "",
    "gitTreeState": "clean",
    "buildDate": "1970-01-01T00:00:00Z",
    "goVersion": "",
    "compiler": "",
    "platform": "tidegate/sandbox",
}

REVIEWS = {
    "authorization.k8s.io": {
        "localsubjectaccessreviews": "LocalSubjectAccessReview",
        "selfsubjectaccessreviews": "SelfSubjectAccessReview",
        "selfsubjectrulesreviews": "SelfSubjectRulesReview",
        "subjectaccessreviews": "SubjectAccessReview",
    },
    "authentication.k8s.io": {"selfsubjectreviews": "SelfSubjectReview"},
}
"""Questions that are asked by creating an object: group -> plural -> kind; all are served in v1."""

_VERBS = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]
_AGGREGATED = "application/json;g=apidiscovery.k8s.io;v={version};as=APIGroupDiscoveryList"
_SUBRESOURCE_KINDS = {"log": ("", "v1", "Pod"), "eviction": ("policy", "v1", "Eviction")}
_SUBRESOURCE_VERBS = {"log": ["get"], "eviction": ["create"], "finalize": ["update"]}


def discovery(path: str, accept: str) -> tuple[Object, str] | None:
    """Answer a discovery path with the object and its media type; None when the path is another one."""
    parts = path.strip("/").split("/")
    version = next((v for v in ("v2", "v2beta1") if f"g=apidiscovery.k8s.io;v={v};" in accept.replace(" ", "")), None)
    if version and parts in (["api"], ["apis"]):
        groups = [""] if parts == ["api"] else _groups()
        return _aggregated(groups, version), _AGGREGATED.format(version=version)
    found = _plain(parts)
    return None if found is None else (found, "application/json")


def _plain(parts: list[str]) -> Object | None:
    match parts:
        case ["version"]:
            return VERSION
        case ["api"]:
            return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []}
        case ["apis"]:
            return {"kind": "APIGroupList", "apiVersion": "v1", "groups": [_group(name) for name in _groups()]}
        case ["api", "v1"]:
            return _resource_list("")
        case ["apis", group, *rest] if group in _groups():
            return _of_group(group, rest)
    return None


def _of_group(group: str, rest: list[str]) -> Object | None:
    if not rest:
        return {"kind": "APIGroup", "apiVersion": "v1", **_group(group)}
    return _resource_list(group) if rest == [_version_of(group)] else None


def _groups() -> list[str]:
    return list(dict.fromkeys([kind.group for kind in SERVED if kind.group] + list(REVIEWS)))


def _version_of(group: str) -> str:
    return next((kind.version for kind in SERVED if kind.group == group), "v1")


def _group(name: str) -> Object:
    version = {"groupVersion": f"{name}/{_version_of(name)}", "version": _version_of(name)}
    return {"name": name, "versions": [version], "preferredVersion": version}


def _resource_list(group: str) -> Object:
    version = _version_of(group)
    group_version = f"{group}/{version}" if group else version
    resources = [entry for kind in _kinds(group) for entry in _resources(kind)]
    resources += [
        {"name": plural, "singularName": "", "namespaced": _is_local(plural), "kind": kind, "verbs": ["create"]}
        for plural, kind in REVIEWS.get(group, {}).items()
    ]
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version, "resources": resources}


def _is_local(review: str) -> bool:
    return review.startswith("local")


def _kinds(group: str) -> list[Kind]:
    return [kind for kind in SERVED if kind.group == group]


def _resources(kind: Kind) -> Iterator[Object]:
    common: Object = {"singularName": kind.singular, "namespaced": kind.namespaced, "kind": kind.kind}
    resource: Object = {"name": kind.plural, **common, "verbs": _VERBS}
    if kind.short_names:
        resource["shortNames"] = list(kind.short_names)
    if kind.categories:
        resource["categories"] = list(kind.categories)
    yield resource
    for name in subresources_of(kind):
        group, version, kind_name = _SUBRESOURCE_KINDS.get(name, (kind.group, kind.version, kind.kind))
        yield {
            "name": f"{kind.plural}/{name}",
            **common,
            "singularName": "",
            "group": group,
            "version": version,
            "kind": kind_name,
            "verbs": _SUBRESOURCE_VERBS.get(name, ["get", "patch", "update"]),
        }


def _aggregated(groups: list[str], version: str) -> Object:
    items = []
    for group in groups:
        entry = {
            "version": _version_of(group),
            "freshness": "Current",
            "resources": [_aggregated_resource(kind) for kind in _kinds(group)] + _aggregated_reviews(group),
        }
        metadata: Object = {"name": group, "creationTimestamp": None} if group else {"creationTimestamp": None}
        items.append({"metadata": metadata, "versions": [entry]})
    return {
        "kind": "APIGroupDiscoveryList",
        "apiVersion": f"apidiscovery.k8s.io/{version}",
        "metadata": {},
        "items": items,
    }


def _aggregated_resource(kind: Kind) -> Object:
    main, *subresources = _resources(kind)
    entry: Object = {
        "resource": kind.plural,
        "responseKind": {"group": kind.group, "version": kind.version, "kind": kind.kind},
        "scope": "Namespaced" if kind.namespaced else "Cluster",
        "singularResource": kind.singular,
        "verbs": main["verbs"],
    }
    entry |= {name: main[name] for name in ("shortNames", "categories") if name in main}
    if subresources:
        entry["subresources"] = [_aggregated_subresource(resource) for resource in subresources]
    return entry


def _aggregated_subresource(resource: Object) -> Object:
    names: dict[str, Any] = {name: resource[name] for name in ("group", "version", "kind")}
    return {"subresource": resource["name"].split("/")[1], "responseKind": names, "verbs": resource["verbs"]}


def _aggregated_reviews(group: str) -> list[Object]:
    return [
        {
            "resource": plural,
            "responseKind": {"group": group, "version": "v1", "kind": kind},
            "scope": "Namespaced" if _is_local(plural) else "Cluster",
            "singularResource": kind.lower(),
            "verbs": ["create"],
        }
        for plural, kind in REVIEWS.get(group, {}).items()
    ]
