"""Manifests that are right, and such that are a little wrong: the schema of a kind says what can be changed in it.

Everything comes from one seed. Knows no rule of Tidegate beside the published schemas.
"""

import copy
import random
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tidegate.api.crd import crds

Schema = Mapping[str, Any]

_WORDS = ("a", "b-1", "a.b", "a_b", "A", "deployments", "2Gi", "0.5", "500m", "2026-01-01T00:00:00Z", "", "-a", "a-")
_WORDS += ("x" * 40, "x" * 41, "x" * 63, "x" * 64, "x" * 253, "x" * 254, "a b", "ä", "$[[ run.name ]]", "$[[ ", "true")
_VALUES = (None, True, 0, -1, 1.5, "a", "", [], ["a"], [None], {}, {"a": 1}, {"a": None}, "$[[ run.name ]]", 2**40)
_TEXTS = {"type": "object", "additionalProperties": {"type": "string"}}
_METADATA: Schema = {
    "type": "object",
    "properties": {"name": {"type": "string", "maxLength": 253}, "labels": _TEXTS, "annotations": _TEXTS},
}
_PARTS = ("metadata", "spec")
_LONGEST = 5000
_MOST_ITEMS = 300


@dataclass(frozen=True, slots=True)
class Changed:
    """A manifest, and what was done to it: each the place in the schema and the deed."""

    manifest: dict[str, Any]
    deeds: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Spot:
    """A value in a manifest that its schema knows; `holder` has it under `key`, or could have it."""

    holder: Any
    key: str | int
    schema: Schema
    place: str

    @property
    def is_there(self) -> bool:
        return isinstance(self.key, int) or self.key in self.holder


def schemas() -> dict[str, Schema]:
    """Give the schema of what people write of each kind."""
    versions = {crd["spec"]["names"]["kind"]: crd["spec"]["versions"][0] for crd in crds()}
    specs = {kind: one["schema"]["openAPIV3Schema"]["properties"]["spec"] for kind, one in versions.items()}
    return {
        kind: {"type": "object", "properties": {"metadata": _METADATA, "spec": spec}} for kind, spec in specs.items()
    }


def places(schema: Schema, place: str = "") -> Iterator[str]:
    """Give every place of a schema, such as `spec.tasks[].name`."""
    for name, child in schema.get("properties", {}).items():
        yield (here := f"{place}.{name}".lstrip("."))
        yield from places(child, here)
    for key, mark in (("items", "[]"), ("additionalProperties", "{}")):
        if isinstance(schema.get(key), Mapping):
            yield f"{place}{mark}"
            yield from places(schema[key], f"{place}{mark}")


def change(manifest: Mapping[str, Any], schema: Schema, rng: random.Random) -> Changed:
    """Change one to three things; each place of the schema that is within reach has the same chance."""
    changed, deeds = copy.deepcopy(dict(manifest)), []
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        by_place: dict[str, list[_Spot]] = {}
        for spot in (spot for part in _PARTS for spot in _spots(changed, part, schema["properties"][part], part)):
            by_place.setdefault(spot.place, []).append(spot)
        spot = rng.choice(by_place[rng.choice(sorted(by_place))])
        deeds.append(f"{_do(spot, rng)} {spot.place}")
    return Changed(changed, tuple(deeds))


def _spots(holder: Any, key: str | int, schema: Schema, place: str) -> Iterator[_Spot]:
    yield _Spot(holder, key, schema, place)
    value = holder.get(key) if isinstance(holder, dict) else holder[key]
    if isinstance(value, dict):
        for name, child in schema.get("properties", {}).items():
            yield from _spots(value, name, child, f"{place}.{name}")
        more = schema.get("additionalProperties")
        for name in value if isinstance(more, Mapping) else ():
            yield from _spots(value, name, more, f"{place}{{}}")
    if isinstance(value, list) and isinstance(schema.get("items"), Mapping):
        for index in range(len(value)):
            yield from _spots(value, index, schema["items"], f"{place}[]")


def _do(spot: _Spot, rng: random.Random) -> str:
    """Do something to a value; give the deed."""
    deeds = ["fill", "fill", "fill", "spoil"]
    value = spot.holder[spot.key] if spot.is_there else None
    if spot.is_there:
        deeds += ["drop", "null"]
    if isinstance(value, dict) and "additionalProperties" not in spot.schema:
        deeds.append("misspell")
    if isinstance(value, list) and value:
        deeds.append("double")
    match rng.choice(deeds):
        case "drop":
            del spot.holder[spot.key]
            return "drop"
        case "null":
            spot.holder[spot.key] = None
            return "null"
        case "misspell":
            value["notAField"] = "a"
            return "misspell in"
        case "double":
            value.append(copy.deepcopy(rng.choice(value)))
            return "double in"
        case "spoil":
            spot.holder[spot.key] = _wrong(spot.schema, rng)
            return "spoil"
        case _:
            spot.holder[spot.key] = right(spot.schema, rng)
            return "fill"


def right(schema: Schema, rng: random.Random) -> Any:
    """Give a value that the schema allows, often at a bound of it."""
    if schema.get("x-kubernetes-int-or-string"):
        return rng.choice((0, 1, 5, "1", "0.5", "a", ""))
    return _BY_TYPE.get(schema.get("type", ""), _anything)(schema, rng)


def _anything(_: Schema, rng: random.Random) -> Any:
    return rng.choice(_VALUES)


def _integer(schema: Schema, rng: random.Random) -> int:
    low, high = schema.get("minimum", 0), schema.get("maximum", 2**31 - 1)
    return rng.choice((low, high, min(low + 1, high), rng.randint(low, high)))


def _boolean(_: Schema, rng: random.Random) -> bool:
    return rng.random() < 0.5


def _array(schema: Schema, rng: random.Random) -> list[Any]:
    return [right(schema["items"], rng) for _ in range(schema.get("minItems", 0) + rng.choice((0, 1, 1, 2)))]


def _object(schema: Schema, rng: random.Random) -> dict[str, Any]:
    fields, required = schema.get("properties", {}), schema.get("required", ())
    chosen = [name for name in fields if name in required or rng.random() < 2 / len(fields)]
    found = {name: right(fields[name], rng) for name in chosen}
    if isinstance(more := schema.get("additionalProperties"), Mapping):
        found |= {name: right(more, rng) for name in rng.sample(("a", "b-1", "cpu", "memory"), rng.choice((0, 1, 2)))}
    return found


def _text(schema: Schema, rng: random.Random) -> str:
    if "enum" in schema:
        return str(rng.choice(schema["enum"]))
    low, high = schema.get("minLength", 0), schema.get("maxLength", _LONGEST)
    words = [word for word in _WORDS if low <= len(word) <= high and re.search(schema.get("pattern", ""), word)]
    if high <= _LONGEST and "pattern" not in schema:
        words.append("ä" * high)
    return rng.choice(words)


_BY_TYPE = {"string": _text, "integer": _integer, "boolean": _boolean, "array": _array, "object": _object}


def _wrong(schema: Schema, rng: random.Random) -> Any:
    """Give a value that is not what the schema wants, as far as it wants anything."""
    wrong: list[Any] = [value for value in (7, 1.5, True, "a", [], {}, ["a"], {"a": "b"}) if not _fits(schema, value)]
    match schema.get("type"):
        case "string":
            wrong += [word for word in _WORDS if not re.search(schema.get("pattern", ""), word)]
            wrong += ["x" * (schema["maxLength"] + 1)] if schema.get("maxLength", _LONGEST) < _LONGEST else []
        case "integer":
            wrong += [schema["minimum"] - 1] if "minimum" in schema else []
            wrong += [schema["maximum"] + 1, float(schema["maximum"])] if "maximum" in schema else []
        case "array" if schema.get("maxItems", _MOST_ITEMS) < _MOST_ITEMS:
            wrong.append([right(schema["items"], rng) for _ in range(schema["maxItems"] + 1)])
    return rng.choice(wrong or [None])


def _fits(schema: Schema, value: Any) -> bool:
    kinds: dict[str, type] = {"string": str, "integer": int, "boolean": bool, "array": list, "object": dict}
    kind = kinds.get(schema.get("type", ""))
    return kind is not None and type(value) is kind
