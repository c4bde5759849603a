"""What becomes of a model on its way to a structural schema, and what is refused."""

from enum import StrEnum
from typing import Annotated, Any, Literal

import kubernetes.client as upstream
import pytest
from pydantic import BaseModel, Field, StringConstraints, WithJsonSchema

from tidegate.api.base import ANY_VALUE, LIST_ATOMIC, LIST_MAP_BY_NAME, Model
from tidegate.api.podtemplate import ENV, ENV_FROM, POD_TEMPLATE, RESOURCES, VALUE_FROM, VOLUME_MOUNTS
from tidegate.api.schema import NotStructural, Schema, structural, unbounded


class Colour(StrEnum):
    """What it looks like."""

    RED = "Red"
    BLUE = "Blue"


class Leaf(Model):
    """A leaf of the tree."""

    name: Annotated[str, StringConstraints(max_length=40)]
    colour: Colour = Field(default=Colour.RED, strict=False)


def field(annotation: Any, **options: Any) -> Schema:
    """The schema of a model's only field, `the_field`."""
    namespace = {"__annotations__": {"the_field": annotation}, "the_field": Field(**options), "__module__": __name__}
    return structural(type("Tree", (Model,), namespace))["properties"]["theField"]


def test_a_model_is_an_object_with_manifest_names_and_required_fields():
    class Tree(Model):
        """A tree."""

        the_leaf: Leaf

    assert structural(Tree) == {
        "description": "A tree.",
        "type": "object",
        "required": ["theLeaf"],
        "properties": {
            "theLeaf": {
                "description": "A leaf of the tree.",
                "type": "object",
                "required": ["name"],
                "properties": {
                    "name": {"type": "string", "maxLength": 40},
                    "colour": {
                        "description": "What it looks like. Default: Red.",
                        "type": "string",
                        "enum": ["Red", "Blue"],
                    },
                },
            }
        },
    }


def test_an_optional_field_may_be_absent_but_not_null():
    assert field(int | None, default=None, ge=1) == {"type": "integer", "minimum": 1}


def test_the_description_of_a_field_wins_over_that_of_its_type():
    assert field(Leaf | None, default=None, description="The first one.")["description"] == "The first one."


@pytest.mark.parametrize(
    ("default", "text"),
    [(50, "Limit. Default: 50."), (False, "Limit. Default: false."), (None, "Limit."), ("", "Limit."), ([], "Limit.")],
)
def test_a_default_is_told_and_never_written_into_objects(default: Any, text: str):
    schema = field(Any, default=default, description="Limit.", json_schema_extra=ANY_VALUE)
    assert schema == {"description": text, **ANY_VALUE}


def test_an_int_or_string_has_no_type():
    bound = Annotated[int | str, Field(json_schema_extra={"x-kubernetes-int-or-string": True})]
    assert field(bound | None, default=None) == {"x-kubernetes-int-or-string": True}


def test_a_map_says_what_its_values_are_and_leaves_its_keys_to_the_validator():
    key = Annotated[str, StringConstraints(pattern="^[a-z]+$")]
    value = Annotated[str, StringConstraints(max_length=9)]
    assert field(dict[key, value], default_factory=dict, max_length=3) == {
        "type": "object",
        "maxProperties": 3,
        "additionalProperties": {"type": "string", "maxLength": 9},
    }


def test_a_map_of_any_values_stays_visible_to_rules():
    value = Annotated[Any, Field(json_schema_extra=ANY_VALUE)]
    assert field(dict[str, value], default_factory=dict, max_length=3) == {
        "type": "object",
        "maxProperties": 3,
        "x-kubernetes-preserve-unknown-fields": True,
    }


def test_rules_and_list_types_are_taken_from_the_model():
    rule = {"x-kubernetes-validations": [{"rule": "size(self) > 0", "message": "empty"}]}
    schema = field(list[Leaf], max_length=5, json_schema_extra={**LIST_MAP_BY_NAME, **rule})
    assert schema["x-kubernetes-list-type"] == "map"
    assert schema["x-kubernetes-list-map-keys"] == ["name"]
    assert schema["x-kubernetes-validations"] == rule["x-kubernetes-validations"]


def test_a_schema_given_as_it_is_comes_out_as_it_is():
    assert field(Annotated[dict[str, Any], WithJsonSchema(POD_TEMPLATE)]) == POD_TEMPLATE


class Endless(Model):
    """Contains itself."""

    child: "Endless | None" = None


@pytest.mark.parametrize(
    ("annotation", "options", "complaint"),
    [
        (int | str, {}, r"Tree\.theField: a union \(integer \| string\)"),
        (Literal["only"], {}, r"Tree\.theField: a CRD takes no const"),
        (Any, {}, r"Tree\.theField: has no type"),
        (dict[str, Any], {}, r"a map of anything needs x-kubernetes-preserve-unknown-fields"),
        (list[int], {}, r"a list needs x-kubernetes-list-type"),
        (tuple[int, str], {"json_schema_extra": LIST_ATOMIC}, "a CRD takes no prefixItems"),
        (list[Endless], {"json_schema_extra": LIST_ATOMIC}, r"Tree\.theField\[\]\.child: Endless contains itself"),
        (Annotated[int, Field(gt=0)], {}, "a CRD takes no exclusiveMinimum"),
        (list[dict[str, int]], {"json_schema_extra": LIST_MAP_BY_NAME}, "must be required in its items"),
    ],
)
def test_what_a_crd_cannot_say_is_refused_with_its_place(annotation: Any, options: dict[str, Any], complaint: str):
    with pytest.raises(NotStructural, match=complaint):
        field(annotation, **options)


def test_everything_without_an_upper_bound_is_found():
    class Open(Model):
        text: str
        texts: list[str] = Field(json_schema_extra=LIST_ATOMIC)
        numbers: dict[str, int]
        many: list[Leaf] = Field(json_schema_extra=LIST_ATOMIC, max_length=3)
        when: str = Field(json_schema_extra={"format": "date-time"})
        anything: Any = Field(json_schema_extra=ANY_VALUE)

    assert list(unbounded(structural(Open))) == ["text", "texts", "texts[]", "numbers"]


@pytest.mark.parametrize(
    ("schema", "kind"),
    [
        (POD_TEMPLATE, "V1PodTemplateSpec"),
        (ENV["items"], "V1EnvVar"),
        (VALUE_FROM, "V1EnvVarSource"),
        (ENV_FROM["items"], "V1EnvFromSource"),
        (RESOURCES, "V1ResourceRequirements"),
        (VOLUME_MOUNTS["items"], "V1VolumeMount"),
    ],
)
def test_embedded_schemas_agree_with_the_types_of_kubernetes(schema: Schema, kind: str):
    assert list(_disagreements(schema, kind, kind)) == []


def test_the_comparison_with_kubernetes_finds_wrong_names_and_types():
    wrong = {"type": "object", "properties": {"envv": {"type": "array"}, "image": {"type": "integer"}}}
    assert len(list(_disagreements(wrong, "V1Container", "c"))) == 2


def _disagreements(schema: Schema, kind: str, path: str) -> Any:
    """Compare with what the Kubernetes client knows: every field typed here exists there, with the same type."""
    if kind in _SCALARS:
        found = schema.get("type", "int-or-string" if schema.get("x-kubernetes-int-or-string") else "any")
        if found not in _SCALARS[kind]:
            yield f"{path}: {found} here, {kind} in Kubernetes"
    elif kind.startswith("List["):
        yield from _disagreements(schema.get("items", {}), kind[5:-1], f"{path}[]")
    elif kind.startswith("Dict["):
        yield from _disagreements(schema["additionalProperties"], kind[:-1].split(", ")[1], f"{path}{{}}")
    else:
        model = getattr(upstream, kind)
        types = {name: model.openapi_types[attribute] for attribute, name in model.attribute_map.items()}
        for name, child in schema.get("properties", {}).items():
            if name not in types:
                yield f"{path}.{name}: not in {kind}"
            elif child != {"type": "object", **ANY_VALUE}:
                yield from _disagreements(child, types[name], f"{path}.{name}")


_SCALARS = {
    "str": {"string", "int-or-string"},
    "int": {"integer"},
    "bool": {"boolean"},
    "object": {"int-or-string", "object"},
}


def test_only_models_with_documentation_of_their_own_are_described():
    class Silent(BaseModel):
        size: int

    assert "description" not in structural(Silent)
