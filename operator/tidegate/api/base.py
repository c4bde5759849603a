"""The ground all models stand on: strict types, camelCase names, unknown fields refused."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from pydantic.alias_generators import to_camel
from pydantic.config import JsonDict

DAY = 86_400
"""Seconds."""

NAME_PATTERN = r"^[a-z]([-_a-zA-Z0-9]{0,38}[a-zA-Z0-9])?$"

LIST_MAP_BY_NAME: JsonDict = {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]}
LIST_ATOMIC: JsonDict = {"x-kubernetes-list-type": "atomic"}
LIST_SET: JsonDict = {"x-kubernetes-list-type": "set"}
ANY_VALUE: JsonDict = {"x-kubernetes-preserve-unknown-fields": True}

Name = Annotated[str, StringConstraints(pattern=NAME_PATTERN, max_length=40)]
"""Of a task, a param or an output: it becomes part of a Job's name and an identifier in expressions."""

ObjectName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$", max_length=253)]
Text = Annotated[str, StringConstraints(max_length=4096)]
LongText = Annotated[str, StringConstraints(max_length=262144)]
ShortText = Annotated[str, StringConstraints(max_length=1024)]
JsonValue = Annotated[Any, Field(json_schema_extra=ANY_VALUE)]
LabelMap = Annotated[dict[Annotated[str, StringConstraints(max_length=317)], Text], Field(max_length=64)]


class Model(BaseModel):
    """A part of a manifest; immutable once parsed.

    Read a file with `model_validate(data)`; read an object of the API server, which may know newer fields, with
    `model_validate(data, extra="ignore")`.
    """

    model_config = ConfigDict(
        alias_generator=to_camel,
        extra="forbid",
        strict=True,
        frozen=True,
    )


class ObjectMeta(BaseModel):
    """The part of Kubernetes' object metadata that Tidegate reads; everything else passes through untouched."""

    model_config = ConfigDict(extra="allow", frozen=True, alias_generator=to_camel, validate_by_name=True)

    name: str = ""
    generate_name: str = ""
    namespace: str = ""
    uid: str = ""
    generation: int = 0
    labels: dict[str, str] = Field(default_factory=dict)
    annotations: dict[str, str] = Field(default_factory=dict)
