"""Parameters: the typed inputs of a Flow, in the words of JSON Schema."""

from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator
from pydantic.config import JsonDict

from tidegate.api.base import LIST_ATOMIC, JsonValue, Model, Name, ShortText

INT_OR_STRING: JsonDict = {"x-kubernetes-int-or-string": True}
Bound = Annotated[int | str, Field(json_schema_extra=INT_OR_STRING)]


class ParamType(StrEnum):
    """What a value may be. Dates, times, addresses and durations are written as strings."""

    STRING = "string"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    ARRAY = "array"
    OBJECT = "object"
    DATE = "date"
    DATETIME = "datetime"
    DURATION = "duration"
    EMAIL = "email"
    URI = "uri"
    SECRET = "secret"  # noqa: S105  a type's name


ORDERED = frozenset({ParamType.INTEGER, ParamType.NUMBER, ParamType.DATE, ParamType.DATETIME, ParamType.DURATION})
PATTERNED = frozenset({ParamType.STRING, ParamType.EMAIL, ParamType.URI})


class Param(Model):
    """One input of a Flow."""

    name: Name
    type: ParamType = Field(default=ParamType.STRING, strict=False)
    description: ShortText = ""
    required: bool = Field(
        default=True, description="Without a default: whether a run must give it; otherwise it is null."
    )
    default: JsonValue = Field(default=None, description="Taken when a run gives nothing; may hold $[[ run.date ]].")
    enum: list[JsonValue] | None = Field(
        default=None,
        min_length=1,
        max_length=100,
        description="The only values allowed.",
        json_schema_extra=LIST_ATOMIC,
    )
    minimum: Bound | None = Field(default=None, description="Smallest value; a fraction or a date as a string.")
    maximum: Bound | None = Field(default=None, description="Largest value; a fraction or a date as a string.")
    pattern: Annotated[str, StringConstraints(max_length=1024)] | None = Field(
        default=None, description="RE2 expression found somewhere in the value; anchor it with ^ and $."
    )

    @model_validator(mode="after")
    def _bounds_fit_the_type(self) -> Self:
        if (self.minimum is not None or self.maximum is not None) and self.type not in ORDERED:
            raise ValueError(f"minimum and maximum need an ordered type, not {self.type}")
        if self.pattern is not None and self.type not in PATTERNED:
            raise ValueError(f"pattern needs a type string, email or uri, not {self.type}")
        return self
