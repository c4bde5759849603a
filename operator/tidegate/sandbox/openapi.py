"""OpenAPI as far as kubectl looks into it: `explain`, and that writes take `fieldValidation`.

Only custom kinds have schemas here; built-in ones are shown as objects with any fields.
"""

from tidegate.sandbox.customs import Customs
from tidegate.sandbox.kinds import Kind
from tidegate.sandbox.routes import SERVED
from tidegate.sandbox.tree import Object

V2_PROTOBUF = b"\x0a\x032.0\x12\x18\x0a\x10tidegate sandbox\x12\x04v1.0\x42\x00"
"""An OpenAPI v2 document without paths, in the only encoding in which kubectl reads one (gnostic's Document)."""

V2: Object = {"swagger": "2.0", "info": {"title": "tidegate sandbox", "version": "v1.0"}, "paths": {}}

_METADATA = {"type": "object", "description": "Standard object's metadata."}


def index() -> Object:
    """Give the list of OpenAPI v3 documents, one for each group and version."""
    paths = {_path(kind): {"serverRelativeURL": f"/openapi/v3/{_path(kind)}?hash=sandbox"} for kind in SERVED}
    return {"paths": paths}


def document(path: str, customs: Customs) -> Object | None:
    """Give the document at a path such as `apis/batch/v1`, None when there is none."""
    kinds = [kind for kind in SERVED if _path(kind) == path]
    if not kinds:
        return None
    return {
        "openapi": "3.0.0",
        "info": {"title": "tidegate sandbox", "version": "v1.0"},
        "paths": {url: item for kind in kinds for url, item in _paths(kind).items()},
        "components": {"schemas": {_schema_name(kind): _schema(kind, customs) for kind in kinds}},
    }


def _path(kind: Kind) -> str:
    return f"apis/{kind.api_version}" if kind.group else f"api/{kind.version}"


def _schema_name(kind: Kind) -> str:
    group = ".".join(reversed(kind.group.split("."))) if kind.group else "io.k8s.api.core"
    return f"{group}.{kind.version}.{kind.kind}"


def _gvk(kind: Kind) -> Object:
    return {"group": kind.group, "version": kind.version, "kind": kind.kind}


def _schema(kind: Kind, customs: Customs) -> Object:
    custom = customs.find(kind)
    schema: Object = dict(custom.schema) if custom else {"type": "object"}
    if custom is None:
        schema["x-kubernetes-preserve-unknown-fields"] = True
    texts = {"apiVersion": {"type": "string"}, "kind": {"type": "string"}, "metadata": _METADATA}
    schema["properties"] = {**schema.get("properties", {}), **texts}
    schema["x-kubernetes-group-version-kind"] = [_gvk(kind)]
    return schema


def _paths(kind: Kind) -> Object:
    scope = "/namespaces/{namespace}" if kind.namespaced else ""
    collection = f"/{_path(kind)}{scope}/{kind.plural}"
    reads = {"get": _operation(kind, "get")}
    return {
        collection: {"get": _operation(kind, "list"), "post": _operation(kind, "post")},
        f"{collection}/{{name}}": {
            **reads,
            "put": _operation(kind, "put"),
            "patch": {
                **_operation(kind, "patch"),
                "requestBody": {"content": {"application/merge-patch+json": {"schema": {"type": "object"}}}},
            },
        },
    }


def _operation(kind: Kind, action: str) -> Object:
    operation: Object = {
        "x-kubernetes-action": action,
        "x-kubernetes-group-version-kind": _gvk(kind),
        "responses": {
            "200": {
                "description": "OK",
                "content": {
                    "application/json": {"schema": {"$ref": f"#/components/schemas/{_schema_name(kind)}"}},
                },
            }
        },
    }
    if action in ("post", "put", "patch"):
        operation["parameters"] = [
            {"name": name, "in": "query", "schema": {"type": "string"}} for name in ("dryRun", "fieldValidation")
        ]
    return operation
