"""An independent record of what was ever created: Jobs and pods by run, and each run as it was last seen.

It watches the API server itself, from before the first run: what an operator says of its work is no evidence here.
Only where the server has forgotten the place (it was restarted) it lists; nothing that is recorded is deleted by then.
What it finds wrong it tells in sentences.
"""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import aiohttp

from tidegate.api import keys

from .api import Api

_PATHS = {"jobs": "/apis/batch/v1/jobs", "pods": "/api/v1/pods", "flowruns": "/apis/tidegate.dev/v1alpha1/flowruns"}
_INDEX = "batch.kubernetes.io/job-completion-index"
_INDEX_FAILURES = "batch.kubernetes.io/job-index-failure-count"


@dataclass(slots=True)
class Record:
    """One run: its Jobs, child runs and pods by uid with what makes each unique, and the run itself.

    `held` has the (slot, attempt) whose names were taken so that no Job can bear them: they start nothing.
    `children` are the records of the child runs; `again` is that of the run that did this one again.
    """

    jobs: dict[str, tuple[str, ...]] = field(default_factory=dict)
    pods: dict[str, tuple[str, ...]] = field(default_factory=dict)
    held: set[tuple[int, int]] = field(default_factory=set)
    children: dict[tuple[str, ...], "Record"] = field(default_factory=dict)
    again: "Record | None" = None
    run: dict[str, Any] = field(default_factory=dict)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def status(self) -> Mapping[str, Any]:
        """The run's status as last seen."""
        return self.run.get("status") or {}

    def state_of(self, task: str) -> str:
        """Give a task's state as the run's status tells it, empty when it does not."""
        return next((row["state"] for row in self.status.get("tasks") or () if row["name"] == task), "")

    def doubles(self) -> Iterator[str]:
        """Say what was created more than once."""
        for what, found in (("Jobs or child runs", self.jobs), ("pods", self.pods)):
            uids: dict[tuple[str, ...], list[str]] = defaultdict(list)
            for uid, claim in found.items():
                uids[claim].append(uid)
            yield from (f"{len(who)} {what} for {' '.join(claim)}" for claim, who in uids.items() if len(who) > 1)

    def gaps(self, jobless: Collection[int] = ()) -> Iterator[str]:
        """Say which attempts the run's status names that were never created, and which it does not name.

        `jobless` are slots that have attempts and no Jobs.
        """
        ledger = self.status.get("ledger") or {"attempts": []}
        made = {(int(claim[0]), int(claim[1])) for claim in self.jobs.values()} | self.held
        counts = [(slot, count) for slot, count in enumerate(ledger["attempts"]) if slot not in jobless]
        named = {(slot, number) for slot, count in counts for number in range(1, count + 1)}
        yield from (f"slot {slot}, attempt {number} is named, and was never created" for slot, number in named - made)
        yield from (f"slot {slot}, attempt {number} was created, and is not named" for slot, number in made - named)


class Recorder:
    """Watches the whole cluster while it is open."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._records: defaultdict[str, Record] = defaultdict(Record)
        self._watching: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        """Begin, from now on."""
        for kind, path in _PATHS.items():
            version = (await self._api.get(f"{path}?limit=1"))["metadata"]["resourceVersion"]
            self._watching.append(asyncio.create_task(self._watch(kind, path, version)))
        return self

    async def __aexit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        """End; a watch that had broken for good is an error, for then there is no record."""
        for task in self._watching:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    def of(self, uid: str) -> Record:
        """Give the record of a run."""
        return self._records[uid]

    async def _watch(self, kind: str, path: str, version: str) -> None:
        while True:
            with contextlib.suppress(aiohttp.ClientError, OSError):
                async for type_, obj in self._api.watch(path, version):
                    if type_ == "ERROR":
                        version = await self._list(kind, path)
                        break
                    version = obj["metadata"]["resourceVersion"]
                    if type_ != "BOOKMARK":
                        self._take(kind, type_, obj)
            await asyncio.sleep(0.2)

    async def _list(self, kind: str, path: str) -> str:
        found = await self._api.get(path)
        for obj in found["items"]:
            self._take(kind, "ADDED", obj)
        return str(found["metadata"]["resourceVersion"])

    def _take(self, kind: str, type_: str, obj: dict[str, Any]) -> None:
        meta = obj["metadata"]
        if kind == "flowruns":
            record = self._records[meta["uid"]]
            record.run = obj
            record.changed.set()
        labels = meta.get("labels") or {}
        whose = labels.get(keys.LABEL_PARENT_UID if kind == "flowruns" else keys.LABEL_RUN_UID)
        if type_ == "ADDED" and whose is not None:
            self._take_birth(kind, obj, labels, self._records[whose])

    def _take_birth(self, kind: str, obj: dict[str, Any], labels: Mapping[str, str], record: Record) -> None:
        if obj["spec"].get("managedBy") == keys.JOB_MANAGER_STOPPED or keys.LABEL_TOMBSTONE in labels:
            record.held.add((int(labels[keys.LABEL_SLOT]), int(labels[keys.LABEL_ATTEMPT])))
            return
        meta = obj["metadata"]
        claim: tuple[str, ...] = (labels[keys.LABEL_SLOT], labels[keys.LABEL_ATTEMPT], labels.get(keys.LABEL_TASK, ""))
        if kind == "pods":
            notes = meta.get("annotations") or {}
            claim += (notes.get(_INDEX, ""), notes.get(_INDEX_FAILURES, ""))
            record.pods[meta["uid"]] = claim
            return
        record.jobs[meta["uid"]] = claim
        if kind == "flowruns":
            record.children[claim] = self._records[meta["uid"]]
