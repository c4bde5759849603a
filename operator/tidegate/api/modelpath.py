"""Where in a model an error of pydantic belongs: its location, freed of what pydantic adds for unions and keys.

A location such as `params, 0, minimum, int` names a branch of a union, which no manifest contains. Walking the model's
annotations along the location tells such labels from fields, and finds the model whose fields are the right ones.
"""

import types
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel

Keys = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Spot:
    """A place in a model: `keys` as in the manifest, `is_key` for a mistake in a map's key itself.

    `owner` is the model that holds the last key, None inside plain data. `choices` are the unions on the way, each as
    the keys that lead to it and the label of the branch that was tried.
    """

    keys: Keys
    is_key: bool = False
    owner: type[BaseModel] | None = None
    choices: tuple[tuple[Keys, str], ...] = ()


def spot_of(model: type[BaseModel], location: Sequence[str | int]) -> Spot:
    """Walk a model along an error's location."""
    annotation: Any = model
    keys: list[str | int] = []
    owner: type[BaseModel] | None = None
    choices: list[tuple[Keys, str]] = []
    for index, part in enumerate(location):
        members = _members(annotation)
        if len(members) > 1:
            choices.append((tuple(keys), str(part)))
            annotation = _member(members, str(part), location[index + 1 :])
            continue
        annotation = members[0]
        if part == "[key]":
            return Spot(tuple(keys), is_key=True, choices=tuple(choices))
        if _is_label(annotation, part):
            continue
        keys.append(part)
        owner = annotation if _is_model(annotation) else None
        annotation = _inside(annotation, part)
    return Spot(tuple(keys), owner=owner, choices=tuple(choices))


def fields_of(model: type[BaseModel]) -> list[str]:
    """Give the names that a manifest may use, in the model's order."""
    return [field.alias or name for name, field in model.model_fields.items()]


def _members(annotation: Any) -> list[Any]:
    """Give the alternatives of an annotation without null; a list of one for what is no union."""
    while get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    if get_origin(annotation) not in (Union, types.UnionType):
        return [annotation]
    return [inner for member in get_args(annotation) if member is not types.NoneType for inner in _members(member)]


def _member(members: list[Any], label: str, rest: Sequence[str | int]) -> Any:
    """Give the alternative that pydantic calls `label`; by what the location says next where the name is not enough."""
    named = [member for member in members if getattr(member, "__name__", "") == label or _is_tagged(member, label)]
    fitting = named or [member for member in members if getattr(member, "__name__", "?") in label] or members
    if rest:
        fitting = [member for member in fitting if _takes(member, rest[0])] or fitting
    return fitting[0]


def _is_tagged(member: Any, label: str) -> bool:
    """Whether a field of the model can only have the label as its value: the tag of a discriminated union."""
    if not _is_model(member):
        return False
    literals = (field.annotation for field in member.model_fields.values() if get_origin(field.annotation) is Literal)
    return any(label in map(str, get_args(literal)) for literal in literals)


def _takes(member: Any, part: str | int) -> bool:
    if _is_model(member):
        return isinstance(part, str)
    return _is_list(member) if isinstance(part, int) else _is_map(member)


def _is_label(annotation: Any, part: str | int) -> bool:
    """Whether a part of the location is pydantic's own: a validator's name below a value that has no parts."""
    return isinstance(part, str) and not (_is_model(annotation) or _is_map(annotation) or annotation is Any)


def _inside(annotation: Any, part: str | int) -> Any:
    """Give the annotation of a field, an item or a map's value; Any where nothing is known."""
    if _is_model(annotation):
        fields = annotation.model_fields.items()
        return next((field.annotation for name, field in fields if part in (name, field.alias)), Any)
    arguments = get_args(annotation)
    if _is_map(annotation):
        return arguments[1] if len(arguments) == 2 else Any
    return arguments[0] if arguments else Any


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _is_list(annotation: Any) -> bool:
    origin = get_origin(annotation) or annotation
    return isinstance(origin, type) and issubclass(origin, Sequence | set | frozenset) and not issubclass(origin, str)


def _is_map(annotation: Any) -> bool:
    origin = get_origin(annotation) or annotation
    return isinstance(origin, type) and issubclass(origin, Mapping)
