"""The CustomResourceDefinitions as a whole: size, bounds, names, and what stands beside the models."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tidegate.api.backfill import BackfillSpec
from tidegate.api.crd import BACKFILL_MUTABLE, MUTABLE, crds
from tidegate.api.flowrun import FlowRunSpec
from tidegate.api.schema import unbounded

CRDS = {crd["spec"]["names"]["kind"]: crd for crd in crds()}
ANNOTATION_LIMIT = 262_144

kinds = pytest.mark.parametrize("kind", list(CRDS))
RECORDS = {"CacheEntry"}
"""Kinds that nobody reconciles: they have no status, and kstatus takes them for current as they are."""


def schema_of(kind: str) -> dict[str, Any]:
    return CRDS[kind]["spec"]["versions"][0]["schema"]["openAPIV3Schema"]


def nodes(schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    yield path, schema
    for name, child in schema.get("properties", {}).items():
        yield from nodes(child, f"{path}.{name}")
    for key in ("items", "additionalProperties"):
        if key in schema:
            yield from nodes(schema[key], f"{path}[]")


@kinds
def test_fits_into_the_annotation_of_a_client_side_apply(kind: str):
    assert len(json.dumps(CRDS[kind]).encode()) < ANNOTATION_LIMIT


@kinds
@pytest.mark.parametrize("part", ["spec", "status"])
def test_every_string_list_and_map_is_bounded(kind: str, part: str):
    assert list(unbounded(schema_of(kind)["properties"].get(part, {}), part)) == []


@kinds
def test_the_spec_has_no_floating_point_numbers_and_no_defaults(kind: str):
    spec = schema_of(kind)["properties"]["spec"]
    assert [path for path, node in nodes(spec) if node.get("type") == "number" or "default" in node] == []


@kinds
def test_a_fresh_object_is_not_taken_for_finished(kind: str):
    if kind in RECORDS:
        assert "status" not in schema_of(kind)["properties"]
        assert "subresources" not in CRDS[kind]["spec"]["versions"][0]
        return
    assert schema_of(kind)["properties"]["status"]["default"] == {"observedGeneration": -1}
    assert CRDS[kind]["spec"]["versions"][0]["subresources"] == {"status": {}}


@kinds
def test_columns_and_selectable_fields_point_at_fields_that_exist(kind: str):
    version = CRDS[kind]["spec"]["versions"][0]
    paths = [column["jsonPath"] for column in version["additionalPrinterColumns"] if column["name"] != "Age"]
    paths += [field["jsonPath"] for field in version.get("selectableFields", [])]
    known = {path for path, _ in nodes(schema_of(kind))}
    assert [path for path in paths if path.split("[?")[0] not in known] == []


def test_short_names_and_categories():
    assert CRDS["FlowRun"]["spec"]["names"]["shortNames"] == ["flr"]
    assert "shortNames" not in CRDS["Flow"]["spec"]["names"]
    assert {crd["spec"]["names"]["categories"][0] for crd in CRDS.values()} == {"tidegate"}


@pytest.mark.parametrize(
    ("kind", "spec", "mutable"), [("FlowRun", FlowRunSpec, MUTABLE), ("Backfill", BackfillSpec, BACKFILL_MUTABLE)]
)
def test_every_field_is_either_fixed_or_said_to_be_mutable(kind, spec, mutable):
    rules = schema_of(kind)["properties"]["spec"]["x-kubernetes-validations"]
    for name, field in spec.model_fields.items():
        manifest_name = field.alias or name
        fixed = f"{manifest_name} cannot change after creation: create another {kind}"
        assert any(rule["message"] == fixed for rule in rules) != (manifest_name in mutable), manifest_name


def test_tasks_keep_the_merge_keys_of_pods():
    task = schema_of("Flow")["properties"]["spec"]["properties"]["tasks"]["items"]["properties"]
    pod = task["podTemplate"]["properties"]["spec"]["properties"]
    assert pod["containers"]["x-kubernetes-list-map-keys"] == ["name"]
    assert pod["volumes"]["x-kubernetes-list-map-keys"] == ["name"]
    assert pod["containers"]["items"]["properties"]["env"]["x-kubernetes-list-map-keys"] == ["name"]
    assert pod["containers"]["items"]["x-kubernetes-preserve-unknown-fields"] is True
