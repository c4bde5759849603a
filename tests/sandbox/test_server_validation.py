"""What may come in as a Flow or FlowRun, and what the server says of the rest."""

import pytest

from sandbox.servers import FLOWS, a_flow, a_server
from tidegate.sandbox.validation import review, root_of

SCHEMA = {
    "type": "object",
    "required": ["spec"],
    "properties": {
        "spec": {
            "type": "object",
            "required": ["size"],
            "properties": {
                "size": {"type": "integer", "minimum": 1, "maximum": 9},
                "name": {"type": "string", "pattern": "^[a-z]+$", "maxLength": 5, "minLength": 2},
                "mode": {"type": "string", "enum": ["Fast", "Slow"], "default": "Fast"},
                "rate": {"x-kubernetes-int-or-string": True},
                "at": {"type": "string", "format": "date-time"},
                "share": {"type": "number"},
                "labels": {"type": "object", "additionalProperties": {"type": "string"}, "maxProperties": 1},
                "any": {"x-kubernetes-preserve-unknown-fields": True},
                "maybe": {"type": "string", "nullable": True},
                "tags": {"type": "array", "items": {"type": "string"}, "x-kubernetes-list-type": "set"},
                "items": {
                    "type": "array",
                    "maxItems": 2,
                    "x-kubernetes-list-type": "map",
                    "x-kubernetes-list-map-keys": ["name"],
                    "items": {
                        "type": "object",
                        "required": ["name"],
                        "properties": {"name": {"type": "string"}, "weight": {"type": "integer", "default": 1}},
                    },
                },
            },
        }
    },
}

GOOD = {
    "size": 3,
    "name": "abc",
    "rate": "5%",
    "at": "2026-01-01T00:00:00Z",
    "share": 1,
    "labels": {"x": "y"},
    "any": {"deep": [{"er": None}]},
    "maybe": None,
    "tags": ["a", "b"],
}


def looked_at(**spec):
    obj = {"metadata": {"name": "x"}, "spec": {"size": 3, **spec}}
    return obj["spec"], review(root_of(SCHEMA), obj)


def test_what_fits_the_schema_passes_and_gets_its_defaults():
    spec, found = looked_at(**GOOD, items=[{"name": "a"}])
    assert (found.faults, found.unknown) == ([], [])
    assert spec["mode"] == "Fast"
    assert spec["items"] == [{"name": "a", "weight": 1}]
    assert spec["any"] == GOOD["any"]


def test_a_null_that_is_not_allowed_counts_as_absent():
    spec, found = looked_at(name=None, mode=None, any=None, labels={"x": None}, maybe=None)
    assert (found.faults, found.unknown) == ([], [])
    assert spec == {"size": 3, "mode": "Fast", "labels": {}, "maybe": None}


def test_unknown_fields_are_pruned_and_told_with_their_path():
    spec, found = looked_at(sise=1, items=[{"name": "a", "wait": 2}])
    assert found.unknown == ["spec.sise", "spec.items[0].wait"]
    assert "sise" not in spec
    assert "wait" not in spec["items"][0]


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"size": "3"}, 'spec.size: Invalid value: "string": spec.size in body must be of type integer: "string"'),
        ({"size": True}, 'spec.size: Invalid value: "boolean": spec.size in body must be of type integer: "boolean"'),
        ({"size": None}, "spec.size: Required value"),
        ({"tags": [None]}, 'spec.tags[0]: Invalid value: "null": spec.tags[0] in body must be of type string: "null"'),
        ({"size": 0}, "spec.size: Invalid value: 0: spec.size in body should be greater than or equal to 1"),
        ({"size": 10}, "spec.size: Invalid value: 10: spec.size in body should be less than or equal to 9"),
        ({"name": "A1"}, "spec.name: Invalid value: \"A1\": spec.name in body should match '^[a-z]+$'"),
        ({"name": "abcdef"}, "spec.name: Too long: may not be more than 5 bytes"),
        ({"name": "a"}, 'spec.name: Invalid value: "a": spec.name in body should be at least 2 chars long'),
        ({"mode": "Odd"}, 'spec.mode: Unsupported value: "Odd": supported values: "Fast", "Slow"'),
        ({"at": "noon"}, 'spec.at: Invalid value: "noon": spec.at in body must be of type date-time: "noon"'),
        ({"labels": {"a": "1", "b": "2"}}, "spec.labels: Too many: 2: must have at most 1 items"),
        ({"tags": ["a", "a"]}, 'spec.tags[1]: Duplicate value: "a"'),
        ({"items": [{"name": "a"}, {"name": "a"}]}, 'spec.items[1]: Duplicate value: {"name":"a"}'),
        ({"items": [{}]}, "spec.items[0].name: Required value"),
        ({"items": [{"name": c} for c in "abc"]}, "spec.items: Too many: 3: must have at most 2 items"),
        (
            {"rate": 1.5},
            'spec.rate: Invalid value: "number": spec.rate in body must be of type integer,string: "number"',
        ),
    ],
)
def test_each_constraint_has_kubernetes_own_sentence(spec, message):
    assert [fault.message for fault in looked_at(**spec)[1].faults] == [message]


def test_a_missing_field_is_required():
    found = review(root_of(SCHEMA), {"metadata": {}, "spec": {}})
    assert [fault.message for fault in found.faults] == ["spec.size: Required value"]


@pytest.fixture
async def server():
    async with a_server() as client:
        yield client


def misspelt():
    flow = a_flow()
    flow["spec"]["tasks"][0]["imagee"] = "x"
    return flow


async def test_strict_validation_refuses_a_misspelt_field(server):
    answer = await server.post(f"{FLOWS}?fieldValidation=Strict", misspelt())
    assert answer.status == 400
    assert 'strict decoding error: unknown field "spec.tasks[0].imagee"' in answer.body["message"]
    assert (await server.get(f"{FLOWS}/hello")).status == 404


@pytest.mark.parametrize(("level", "warned"), [("Warn", True), ("Ignore", False)])
async def test_otherwise_a_misspelt_field_is_dropped_with_or_without_a_warning(server, level, warned):
    answer = await server.post(f"{FLOWS}?fieldValidation={level}", misspelt())
    assert answer.status == 201
    assert "imagee" not in answer.body["spec"]["tasks"][0]
    said = answer.headers.get("Warning")
    assert said == (r'299 - "unknown field \"spec.tasks[0].imagee\""' if warned else None)


async def test_a_patch_is_judged_by_what_it_makes_of_the_object(server):
    await server.post(FLOWS, a_flow())
    wrong = await server.patch(f"{FLOWS}/hello", {"spec": {"parallelism": "many"}})
    assert wrong.status == 422
    assert wrong.body["details"]["causes"][0]["field"] == "spec.parallelism"
    unknown = await server.patch(f"{FLOWS}/hello?fieldValidation=Strict", {"spec": {"paralelism": 3}})
    assert unknown.status == 400
    assert "paralelism" not in (await server.get(f"{FLOWS}/hello")).body["spec"]


async def test_the_admission_judges_new_and_changed_objects(server):
    refused = await server.post(FLOWS, a_flow(description="bad"))
    assert refused.status == 422
    assert refused.body["message"] == (
        'Flow.tidegate.dev "hello" is invalid: spec.description: Invalid value: it is bad'
    )
    assert refused.body["details"]["causes"] == [
        {"reason": "FieldValueInvalid", "message": "Invalid value: it is bad", "field": "spec.description"}
    ]
    await server.post(FLOWS, a_flow(description="final"))
    assert (await server.patch(f"{FLOWS}/hello", {"spec": {"description": "other"}})).status == 422


async def test_a_status_is_checked_against_its_schema(server):
    flow = (await server.post(FLOWS, a_flow())).body
    answer = await server.send("PUT", f"{FLOWS}/hello/status", {**flow, "status": {"observedGeneration": "1"}})
    assert answer.status == 422
    assert answer.body["details"]["causes"][0]["field"] == "status.observedGeneration"
