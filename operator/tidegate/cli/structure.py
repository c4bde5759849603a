"""A document held against the schema of its kind, as an API server does it, for all that our models do not say.

That is: doubles in lists with keys, nulls where a value must be, and the inside of what is embedded from Kubernetes.
Knows no rule that spans fields.
"""

import copy
from collections.abc import Collection
from functools import cache
from typing import Any

from tidegate.api.crd import crds
from tidegate.api.manifest import Document
from tidegate.api.paths import path_of
from tidegate.api.words import shown
from tidegate.engine.findings import Keys
from tidegate.errors import Problem
from tidegate.sandbox.validation import Node, review, root_of


def faults_of(document: Document, told: Collection[Problem]) -> list[Problem]:
    """Give what the schema has against a document of one of our kinds, but for places of which something is `told`."""
    found = review(_root(document.data["kind"]), copy.deepcopy(document.data))
    problems = [_problem(document, _keys_of(document.data, fault.field), fault.text) for fault in found.faults]
    problems += [_unknown(document, _keys_of(document.data, path)) for path in found.unknown]
    return [problem for problem in problems if not any(_is_within(one.path, problem.path) for one in told)]


@cache
def _root(kind: str) -> Node:
    crd = next(crd for crd in crds() if crd["spec"]["names"]["kind"] == kind)
    return root_of(crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"])


def _is_within(path: str, place: str) -> bool:
    return path == place or path.startswith((f"{place}.", f"{place}["))


def _unknown(document: Document, keys: Keys) -> Problem:
    return _problem(document, keys, f"unknown field {shown(keys[-1])}", key=True)


def _problem(document: Document, keys: Keys, message: str, *, key: bool = False) -> Problem:
    line, column = document.locate(keys, key=key)
    return Problem(line, column, path_of(keys), message, document.file)


def _keys_of(value: Any, path: str) -> Keys:
    """Give the keys that lead to a place; in its path a key of the data may hold dots and brackets itself."""
    if not path:
        return ()
    if path.startswith("[") and isinstance(value, list):
        index, _, rest = path[1:].partition("]")
        return (int(index), *_keys_of(value[int(index)], rest))
    path = path.removeprefix(".")
    for key in sorted(value, key=len, reverse=True) if isinstance(value, dict) else ():
        if path.startswith(key) and path[len(key) : len(key) + 1] in ("", ".", "["):
            return (key, *_keys_of(value[key], path[len(key) :]))
    return (path,)
