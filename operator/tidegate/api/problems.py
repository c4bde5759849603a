"""What a model has against a manifest, as problems that a person can act on: all at once, in order of place."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from tidegate.api.manifest import Document
from tidegate.api.modelpath import Keys, Spot, spot_of
from tidegate.api.paths import path_of
from tidegate.api.wording import EXPECTED, message_of, wrong_type
from tidegate.errors import Problem

__all__ = ["path_of", "problems_of"]


@dataclass(frozen=True, slots=True)
class _Fault:
    """One error of pydantic at its place in the model; `expected` has the types that would have been right."""

    spot: Spot
    error: ErrorDetails
    expected: tuple[str, ...]

    @property
    def message(self) -> str:
        """What is wrong; a type that several branches of a union refused is told once, with all that they want."""
        if len(self.expected) > 1:
            return wrong_type(self.error["input"], list(self.expected))
        return message_of(self.error, self.spot.owner)


def problems_of(
    error: ValidationError,
    model: type[BaseModel],
    document: Document | None = None,
    prefix: Sequence[str | int] = (),
) -> list[Problem]:
    """Translate what pydantic found into problems, sorted by place.

    Args:
        error: raised by `model.model_validate(...)`.
        model: the model that was asked.
        document: gives lines and columns; without it they are zero, and the order is that of the model.
        prefix: keys that lead from the document's root to the data that was validated.
    """
    faults = _one_branch_each([_fault(details, model) for details in error.errors(include_url=False)], 0)
    problems = [_problem(fault, document, tuple(prefix)) for fault in faults]
    return sorted(problems, key=lambda problem: (problem.line, problem.column))


def _fault(details: ErrorDetails, model: type[BaseModel]) -> _Fault:
    expected = EXPECTED.get(details["type"])
    return _Fault(spot_of(model, details["loc"]), details, (expected,) if expected else ())


def _problem(fault: _Fault, document: Document | None, prefix: Keys) -> Problem:
    keys = prefix + fault.spot.keys
    at_key = fault.spot.is_key or fault.error["type"] == "extra_forbidden"
    line, column = document.locate(keys, key=at_key) if document else (0, 0)
    return Problem(line, column, path_of(keys), fault.message, document.file if document else "")


def _one_branch_each(faults: list[_Fault], level: int) -> list[_Fault]:
    """Of every union keep what the likeliest branch says: nobody meant all branches at once."""
    plain = [fault for fault in faults if len(fault.spot.choices) <= level]
    unions: dict[Keys, list[_Fault]] = {}
    for fault in faults:
        if len(fault.spot.choices) > level:
            unions.setdefault(fault.spot.choices[level][0], []).append(fault)
    return plain + [kept for keys, group in unions.items() for kept in _likeliest(keys, group, level)]


def _likeliest(keys: Keys, group: list[_Fault], level: int) -> list[_Fault]:
    """The branch whose type fits and that has least to say; where no type fits, one fault that names all types."""
    branches: dict[str, list[_Fault]] = {}
    for fault in group:
        branches.setdefault(fault.spot.choices[level][1], []).append(fault)
    fitting = [branch for branch in branches.values() if not _is_of_wrong_type(keys, branch)]
    if fitting:
        return _one_branch_each(min(fitting, key=len), level + 1)
    return [_Fault(group[0].spot, group[0].error, _all_expected(group))]


def _is_of_wrong_type(keys: Keys, branch: Iterable[_Fault]) -> bool:
    return any(fault.expected and fault.spot.keys == keys for fault in branch)


def _all_expected(faults: Iterable[_Fault]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(expected for fault in faults for expected in fault.expected))
