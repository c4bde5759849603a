"""Pydantic models as structural OpenAPI v3 schemas, the only kind that a CustomResourceDefinition takes.

Pydantic writes JSON Schema: references, `anyOf` with null, titles, pattern properties. A structural schema has none of
them, so each is turned into what the API server understands, or refused with the place where it stands; nothing is
dropped that would make the schema looser without a word here. Keys with `x-kubernetes-` come from the models'
`json_schema_extra`. Defaults become a sentence of the description: a default in the schema would be written into every
stored object, where GitOps sees a difference and a later operator cannot change its mind.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel

Schema = dict[str, Any]

_INT_OR_STRING = "x-kubernetes-int-or-string"
_PRESERVE = "x-kubernetes-preserve-unknown-fields"
_SINGLE = frozenset({"type", "format", "enum", "pattern", "minLength", "maxLength", "minItems", "maxItems"}) | {
    "minimum",
    "maximum",
    "multipleOf",
    "minProperties",
    "maxProperties",
    "required",
    "nullable",
    _PRESERVE,
    _INT_OR_STRING,
    "x-kubernetes-embedded-resource",
    "x-kubernetes-list-type",
    "x-kubernetes-list-map-keys",
    "x-kubernetes-map-type",
    "x-kubernetes-validations",
}
_OWN_HANDLING = frozenset({"$defs", "$ref", "anyOf", "allOf", "title", "description", "default", "propertyNames"}) | {
    "properties",
    "patternProperties",
    "additionalProperties",
    "items",
}
_SELF_BOUNDED_FORMATS = frozenset({"date", "date-time"})


class NotStructural(ValueError):
    """A model says something that the API server has no words for; the model must be changed."""


def structural(model: type[BaseModel]) -> Schema:
    """Give the schema of a model, with its fields under the names of the manifest.

    Raises:
        NotStructural: a type cannot be expressed (a union of types, a tuple, a recursive model, a lone constant ...).
    """
    schema = model.model_json_schema(by_alias=True, mode="validation")
    return _convert(schema, schema.get("$defs", {}), model.__name__, ())


def unbounded(schema: Mapping[str, Any], path: str = "") -> Iterator[str]:
    """Give the paths of strings, lists and maps without an upper bound, such as `tasks[].name`.

    What preserves unknown fields is foreign or any JSON value: only the size of the whole object bounds it.
    """
    if schema.get(_PRESERVE):
        return
    if _lacks_bound(schema):
        yield path
    for name, child in schema.get("properties", {}).items():
        yield from unbounded(child, f"{path}.{name}" if path else name)
    for key, mark in (("items", "[]"), ("additionalProperties", "{}")):
        if key in schema:
            yield from unbounded(schema[key], path + mark)


def _lacks_bound(schema: Mapping[str, Any]) -> bool:
    match schema.get("type"):
        case "string":
            return not ({"maxLength", "enum"} & schema.keys() or schema.get("format") in _SELF_BOUNDED_FORMATS)
        case "array":
            return "maxItems" not in schema
        case "object":
            return "additionalProperties" in schema and "maxProperties" not in schema
        case _:
            return False


def _convert(node: Mapping[str, Any], defs: Mapping[str, Schema], path: str, inside: tuple[str, ...]) -> Schema:
    """Turn one node of JSON Schema, at `path`, into a structural one; `inside` names the models around it."""
    node, inside = _resolved(node, defs, path, inside)
    node = _without_null(node, path)
    if "$ref" in node:
        return _convert(node, defs, path, inside)
    node = _int_or_string(node, path)
    if unknown := sorted(node.keys() - _SINGLE - _OWN_HANDLING):
        raise NotStructural(f"{path}: a CRD takes no {', '.join(unknown)}; change the type of this field")
    result: Schema = {}
    if text := _description(node):
        result["description"] = text
    result.update({key: node[key] for key in node if key in _SINGLE})
    if not any(key in result for key in ("type", _PRESERVE, _INT_OR_STRING)):
        raise NotStructural(f"{path}: has no type; for any JSON value say {_PRESERVE}")
    if "properties" in node:
        result["properties"] = {
            name: _convert(child, defs, f"{path}.{name}", inside) for name, child in node["properties"].items()
        }
    if "items" in node:
        result["items"] = _convert(node["items"], defs, f"{path}[]", inside)
    if (values := _map_values(node, path)) is not None:
        result.update(_map(_convert(values, defs, f"{path}{{}}", inside)))
    return _checked(result, path)


def _resolved(
    node: Mapping[str, Any], defs: Mapping[str, Schema], path: str, inside: tuple[str, ...]
) -> tuple[Mapping[str, Any], tuple[str, ...]]:
    """Put a definition in the place of its reference; what stands beside the reference wins."""
    if "$ref" not in node:
        return node, inside
    name = node["$ref"].removeprefix("#/$defs/")
    if name in inside:
        raise NotStructural(f"{path}: {name} contains itself, and a structural schema has no references")
    beside = {key: value for key, value in node.items() if key != "$ref"}
    return {**defs[name], **beside}, (*inside, name)


def _without_null(node: Mapping[str, Any], path: str) -> Mapping[str, Any]:
    """An optional field may be absent; null is another thing, and only `nullable` allows it."""
    if "anyOf" not in node or _INT_OR_STRING in node:
        return node
    choices = [choice for choice in node["anyOf"] if choice != {"type": "null"}]
    if len(choices) != 1:
        kinds = " | ".join(str(choice.get("type", choice.get("$ref", "?"))) for choice in choices)
        raise NotStructural(f"{path}: a union ({kinds}) is not structural; use one type, or {_INT_OR_STRING}")
    beside = {key: value for key, value in node.items() if key != "anyOf"}
    return {**choices[0], **beside}


def _int_or_string(node: Mapping[str, Any], path: str) -> Mapping[str, Any]:
    if not node.get(_INT_OR_STRING):
        return node
    kinds = [choice.get("type") for choice in node.get("anyOf", [])]
    if kinds not in ([], ["integer", "string"], ["string", "integer"]):
        raise NotStructural(f"{path}: {_INT_OR_STRING} stands for an integer or a string, not {kinds}")
    return {key: value for key, value in node.items() if key not in ("anyOf", "type")}


def _map_values(node: Mapping[str, Any], path: str) -> Mapping[str, Any] | None:
    """Give the schema of a map's values, None for what is no map.

    A CRD cannot restrict keys: patterns and lengths of keys are left to the validator, which has the same models.
    """
    patterns = list(node.get("patternProperties", {}).values())
    if len(patterns) > 1:
        raise NotStructural(f"{path}: keys of several patterns are not structural")
    values = patterns[0] if patterns else node.get("additionalProperties", False)
    if values is True:
        if not node.get(_PRESERVE):
            raise NotStructural(f"{path}: a map of anything needs {_PRESERVE}, or all of it is pruned")
        return None
    return values or None  # False, of models that refuse unknown fields: the server prunes those, or warns


def _map(values: Schema) -> Schema:
    """CEL does not see a map at all whose values have no type, but does compare an object that keeps what it finds."""
    return {"additionalProperties": values} if "type" in values or _INT_OR_STRING in values else {_PRESERVE: True}


def _description(node: Mapping[str, Any]) -> str:
    text = " ".join(node.get("description", "").split())
    default = node.get("default")
    if default in (None, "", [], {}):
        return text
    shown = default if isinstance(default, str) else json.dumps(default)
    return f"{text} Default: {shown}.".strip()


def _checked(schema: Schema, path: str) -> Schema:
    if schema.get("type") == "array":
        if "items" not in schema:
            raise NotStructural(f"{path}: a list must say what its items are")
        if "x-kubernetes-list-type" not in schema:
            raise NotStructural(f"{path}: a list needs x-kubernetes-list-type (map, set or atomic)")
    required = schema.get("items", {}).get("required", ())
    if missing := [key for key in schema.get("x-kubernetes-list-map-keys", ()) if key not in required]:
        raise NotStructural(f"{path}: the keys {missing} of this list-map must be required in its items")
    if "properties" in schema and "additionalProperties" in schema:
        raise NotStructural(f"{path}: has fields of its own and those of a map; structural is one of them")
    return schema
