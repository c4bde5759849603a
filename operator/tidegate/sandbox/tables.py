"""The shapes in which an object can be asked for, by the Accept header: whole, as a table, or its metadata alone."""

import json
from collections.abc import Sequence
from typing import Any

from tidegate.sandbox.columns import Column, columns_of
from tidegate.sandbox.customs import Customs
from tidegate.sandbox.eventviews import shown
from tidegate.sandbox.kinds import Kind
from tidegate.sandbox.tree import Object

_META = "meta.k8s.io/v1"
_encoder = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False)


def encoded(value: Any) -> bytes:
    """Write a JSON value as it goes over the wire."""
    return _encoder.encode(value).encode()


def shape_of(accept: str) -> str:
    """Give `Table`, `PartialObjectMetadata` or empty (the whole object): the first that the client would take."""
    for choice in accept.split(","):
        media, *parameters = (part.strip() for part in choice.split(";"))
        if media in ("application/json", "*/*", "application/*"):
            wanted = next((part[3:] for part in parameters if part.startswith("as=")), "")
            if wanted in ("Table", "PartialObjectMetadata", "PartialObjectMetadataList"):
                return wanted.removesuffix("List")
            if not wanted:
                return ""
    return ""


class Shapes:
    """Gives objects the shape that was asked for."""

    def __init__(self, customs: Customs) -> None:
        self._customs = customs

    def one(self, kind: Kind, obj: Object, shape: str, now: float, *, include: str = "Metadata") -> Object:
        """Give an object in its shape; a table then has one row."""
        if shape == "Table":
            version = obj["metadata"].get("resourceVersion", "")
            return self._table(kind, [obj], {"resourceVersion": version}, now, include)
        return _metadata_only(obj) if shape else shown(kind, obj)

    def many(
        self, kind: Kind, objs: Sequence[Object], shape: str, metadata: Object, now: float, *, include: str = "Metadata"
    ) -> Object:
        """Give a list in its shape."""
        if shape == "Table":
            return self._table(kind, objs, metadata, now, include)
        if shape:
            name, version, items = "PartialObjectMetadataList", _META, [_metadata_only(obj) for obj in objs]
        else:
            name, version, items = f"{kind.kind}List", kind.api_version, [shown(kind, obj) for obj in objs]
        return {"kind": name, "apiVersion": version, "metadata": metadata, "items": items}

    def _table(self, kind: Kind, objs: Sequence[Object], metadata: Object, now: float, include: str) -> Object:
        custom = self._customs.find(kind)
        columns = custom.columns if custom else columns_of(kind)
        return {
            "kind": "Table",
            "apiVersion": _META,
            "metadata": metadata,
            "columnDefinitions": [column.definition for column in columns],
            "rows": [_row(kind, obj, columns, now, include) for obj in objs],
        }


def _row(kind: Kind, obj: Object, columns: Sequence[Column], now: float, include: str) -> Object:
    row: Object = {"cells": [column.cell(obj, now) for column in columns]}
    if include == "Object":
        row["object"] = shown(kind, obj)
    elif include != "None":
        row["object"] = _metadata_only(obj)
    return row


def _metadata_only(obj: Object) -> Object:
    return {"kind": "PartialObjectMetadata", "apiVersion": _META, "metadata": obj["metadata"]}
