"""The custom kinds: what their CRDs say about columns, and which objects may come in."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from tidegate.errors import Problem
from tidegate.sandbox.answers import Refused, bad_request, fault_of, invalid
from tidegate.sandbox.columns import NAME, Cell, Column
from tidegate.sandbox.durations import age
from tidegate.sandbox.jsonpaths import reader
from tidegate.sandbox.kinds import Kind
from tidegate.sandbox.tree import Object
from tidegate.sandbox.validation import Node, Review, review, review_field, root_of

Admit = Callable[[Object, Object | None], list[Problem]]
"""Judges an object, given with the state before it; stands for the CEL rules of the CRD."""


class Custom(NamedTuple):
    """One custom kind, ready for use."""

    schema: Object
    root: Node
    columns: tuple[Column, ...]


class Customs:
    """All custom kinds, and the gate through which their objects come."""

    def __init__(self, crds: Iterable[Object], admit: Admit) -> None:
        self._admit = admit
        self._by_key = {(crd["spec"]["group"], crd["spec"]["names"]["plural"]): _custom(crd) for crd in crds}

    def find(self, kind: Kind) -> Custom | None:
        """Give what is known of a kind, None for a built-in one."""
        return self._by_key.get(kind.key)

    def check(self, kind: Kind, obj: Object, old: Object | None, field_validation: str) -> list[str]:
        """Prune, default and check an object IN PLACE; give the warnings for its writer.

        Args:
            kind: of the object; built-in kinds pass.
            obj: the object to be stored, shared with nobody.
            old: the state before, None for a new object.
            field_validation: Strict refuses unknown fields, Warn tells of them, Ignore only drops them.

        Raises:
            Rejected: 400 for unknown fields, 422 for whatever else is wrong.
        """
        custom = self.find(kind)
        if custom is None:
            return []
        found = review(custom.root, obj)
        warnings = _unknown(kind, found, field_validation)
        faults = found.faults or [fault_of(problem) for problem in self._admit(obj, old)]
        if faults:
            raise _invalid(kind, obj, faults)
        return warnings

    def check_status(self, kind: Kind, obj: Object) -> None:
        """Prune and check only the status, IN PLACE; raises Rejected (422)."""
        custom = self.find(kind)
        if custom is not None:
            found = review_field(custom.root, "status", obj)
            if found.faults:
                raise _invalid(kind, obj, found.faults)


def _invalid(kind: Kind, obj: Object, faults: Sequence[Any]) -> Refused:
    metadata = obj.get("metadata")
    name = metadata.get("name", "") if isinstance(metadata, dict) else ""
    return invalid(kind.kind, kind.group, str(name), faults)


def _unknown(kind: Kind, found: Review, field_validation: str) -> list[str]:
    told = [f'unknown field "{path}"' for path in found.unknown]
    if told and field_validation == "Strict":
        where = f'{kind.kind} in version "{kind.version}" cannot be handled as a {kind.kind}'
        raise bad_request(f"{where}: strict decoding error: {', '.join(told)}")
    return told if field_validation != "Ignore" else []


def _custom(crd: Object) -> Custom:
    version = next(version for version in crd["spec"]["versions"] if version.get("storage", True))
    schema = version["schema"]["openAPIV3Schema"]
    columns = [_column(column) for column in version.get("additionalPrinterColumns", ())]
    return Custom(schema, root_of(schema), (NAME, *columns))


def _column(column: Object) -> Column:
    read = reader(column["jsonPath"])

    def cell(obj: Object, _now: float) -> Any:
        return read(obj)

    def date_cell(obj: Object, now: float) -> Any:
        value = read(obj)
        return age(value, now) if isinstance(value, str) else None

    chosen: Cell = date_cell if column["type"] == "date" else cell
    priority, text = column.get("priority", 0), column.get("description", "")
    return Column(column["name"], chosen, column["type"], priority, text)
