"""Manifests judged as a whole: what is wrong with each document, and with documents that belong together.

`validate` prints what is found here; `run` and `dev` refuse to begin with it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from tidegate.api.backfill import Backfill
from tidegate.api.flow import Flow
from tidegate.api.flowapproval import FlowApproval
from tidegate.api.flowrun import FlowRun
from tidegate.api.keys import API_VERSION, GROUP
from tidegate.api.manifest import Document, load_documents
from tidegate.api.param import Param
from tidegate.api.problems import path_of, problems_of
from tidegate.cli.objectlabels import label_problems
from tidegate.cli.objectnames import name_problem
from tidegate.cli.structure import faults_of
from tidegate.engine import backfill, ceilings
from tidegate.engine import params as parameters
from tidegate.engine.findings import Finding, Keys, nearest
from tidegate.engine.graph import compile_flow
from tidegate.engine.reuse import Wanted, shape_of
from tidegate.engine.triggers import check_loops, check_triggers
from tidegate.errors import InvalidSpec, Problem

M = TypeVar("M", bound=BaseModel)

_KINDS: dict[str, type[BaseModel]] = {
    "Backfill": Backfill,
    "Flow": Flow,
    "FlowApproval": FlowApproval,
    "FlowRun": FlowRun,
}


@dataclass(slots=True)
class Judgement:
    """What files hold: the documents that can be read, the Flows among them by key, and every mistake."""

    documents: list[Document] = field(default_factory=list)
    flows: dict[tuple[str, str], Flow] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def demand_valid(self) -> None:
        """Raise InvalidSpec if anything is wrong."""
        if self.problems:
            raise InvalidSpec(self.problems)


def judge(texts: Iterable[tuple[str, str]]) -> Judgement:
    """Judge the documents of all files; problems come in the order of the files and of their places."""
    result = Judgement()
    runs: list[tuple[Document, FlowRun | Backfill]] = []
    for file, text in texts:
        try:
            documents = load_documents(text, file)
        except InvalidSpec as error:
            result.problems += error.problems
            continue
        result.documents += documents
        result.problems += _doubles(documents)
        for document in documents:
            model = _judge_document(document, result.problems)
            if isinstance(model, Flow):
                result.flows[_key(document.data)] = model
            elif isinstance(model, FlowRun | Backfill):
                runs.append((document, model))
    for document, run in runs:
        flow = result.flows.get((_key(document.data)[0], run.spec.flow_ref.name))
        found = _judge_backfill(run, flow) if isinstance(run, Backfill) else _judge_run(run, flow)
        result.problems += [_placed(document, finding) for finding in found]
    order = {file: place for place, file in enumerate(dict.fromkeys(p.file for p in result.problems))}
    result.problems.sort(key=lambda p: (order[p.file], p.line, p.column))
    return result


def _key(data: Mapping[str, Any]) -> tuple[str, str]:
    metadata = data["metadata"]
    return str(metadata.get("namespace") or ""), str(metadata.get("name") or "")


def _at(document: Document, keys: Keys, message: str, *, key: bool = False) -> Problem:
    line, column = document.locate(keys, key=key)
    return Problem(line, column, path_of(keys), message, document.file)


def _judge_document(document: Document, problems: list[Problem]) -> BaseModel | None:
    """Note what is wrong with one document; give its model if it is of our group and can be read."""
    data = document.data
    if not isinstance(data, dict):
        problems.append(_at(document, (), f"expected an object with apiVersion and kind, got {_word(data)}"))
        return None
    missing = [name for name in ("apiVersion", "kind") if not isinstance(data.get(name), str) or not data[name]]
    problems += [_at(document, (name,), "Required value: a string") for name in missing]
    problems += _judge_metadata(document)
    if missing or data["apiVersion"].partition("/")[0] != GROUP:
        return None
    if unknown := _judge_kind(document):
        problems += unknown
        return None
    wrong: list[Problem] = []
    model = _parse(document, _KINDS[data["kind"]], wrong)
    if isinstance(model, Flow):
        graph, found = compile_flow(model.spec)
        found += check_loops(model.metadata.name, model.spec)
        wrong += [_placed(document, finding) for finding in found]
        wrong += [_placed(document, finding) for finding in ceilings.check(graph)] if graph else []
    problems += [*wrong, *faults_of(document, wrong)]
    return model


def _judge_kind(document: Document) -> list[Problem]:
    version, kind = document.data["apiVersion"], document.data["kind"]
    if version != API_VERSION:
        return [_at(document, ("apiVersion",), f'there is no version "{version}"; expected "{API_VERSION}"')]
    if kind not in _KINDS:
        return [_at(document, ("kind",), f'there is no kind "{kind}" in {API_VERSION}{_hint(kind, _KINDS)}')]
    return []


def _hint(word: str, known: Iterable[str]) -> str:
    return nearest(word, known) or f"; known are {', '.join(sorted(known))}"


def _judge_metadata(document: Document) -> list[Problem]:
    metadata = document.data.get("metadata")
    if metadata is None:
        return [_at(document, ("metadata", "name"), "Required value")]
    if not isinstance(metadata, dict):
        return [_at(document, ("metadata",), f"expected an object with a name, got {_word(metadata)}")]
    found = [_placed(document, finding) for finding in label_problems(metadata)]
    name = metadata.get("name")
    if name is None or name == "":
        generated = document.data.get("kind") != "Flow" and metadata.get("generateName")
        return found if generated else [*found, _at(document, ("metadata", "name"), "Required value")]
    wrong = name_problem(name, str(document.data.get("kind")))
    return [*found, _at(document, ("metadata", "name"), wrong)] if wrong else found


def _parse(document: Document, model: type[M], problems: list[Problem]) -> M | None:
    """Give the model; with unknown fields only, what is left is judged too, so that all mistakes are told at once."""
    try:
        return model.model_validate(document.data)
    except ValidationError as error:
        problems += problems_of(error, model, document)
    try:
        return model.model_validate(document.data, extra="ignore")
    except ValidationError:
        return None


def _placed(document: Document, finding: Finding) -> Problem:
    keys = finding.keys
    if finding.line:
        line, column = document.locate_in(keys, finding.line, finding.column)
    else:
        line, column = document.locate(keys)
    return Problem(line, column, path_of(keys), finding.message, document.file)


def _judge_run(run: FlowRun, flow: Flow | None) -> list[Finding]:
    """Check a run's params if its Flow is among the files, else only the cluster knows; those of a rerun are given."""
    if run.spec.rerun is not None:
        rerun = run.spec.rerun
        problem = shape_of(Wanted(rerun.of, rerun.mode, tuple(rerun.tasks)))
        return [Finding(("spec", "rerun"), problem)] if problem else []
    return [] if flow is None else check_params(flow.spec.params, run.spec.params)


def _judge_backfill(run: Backfill, flow: Flow | None) -> list[Finding]:
    """Check a Backfill's trigger, number of instants and params, likewise."""
    if flow is None:
        return []
    trigger = backfill.trigger_of(run.spec, flow.spec)
    if trigger is None:
        return [backfill.unknown_trigger(run.spec, flow.spec)]
    return [] if check_triggers(flow.spec) else backfill.check(run.spec, flow.spec, trigger)


def check_params(declared: Sequence[Param], given: Mapping[str, Any]) -> list[Finding]:
    """Find what is wrong with the params of a run, before there is a run to evaluate defaults for."""
    defaults = {param.name: param.default for param in declared if "$[[" not in str(param.default)}
    return parameters.resolve(declared, given, defaults)[1]


def _doubles(documents: Sequence[Document]) -> list[Problem]:
    """Find objects that a file has twice: the later one would silently win."""
    first: dict[tuple[Any, ...], Document] = {}
    found = []
    for document in documents:
        data = document.data
        if not isinstance(data, dict) or not isinstance(data.get("metadata"), dict) or not data["metadata"].get("name"):
            continue
        group = str(data.get("apiVersion")).rpartition("/")[0]
        before = first.setdefault((group, data.get("kind"), *_key(data)), document)
        if before is not document:
            line, _ = before.locate(("metadata", "name"))
            message = f'{data.get("kind")} "{data["metadata"]["name"]}" is there twice, first in line {line}'
            found.append(_at(document, ("metadata", "name"), message))
    return found


def _word(value: Any) -> str:
    words = {str: "a string", bool: "true or false", int: "a number", float: "a number", list: "a list"}
    return "nothing" if value is None else words.get(type(value), "an object")
